// The live view on a real terminal: what it shows, and that it gives the terminal back as it was.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "child_process.h"
#include "command.h"
#include "terminal.h"

namespace cw::test {
namespace {

const std::string kAlternateScreen = "\x1b[?1049h";
const std::string kNormalScreen = "\x1b[?1049l";
const std::string kCursor = "\x1b[?25h";
// Of reports of the mouse; 1006, their format, may stand before it.
const std::string kMouse = "1000h";
const std::string kNoMouse = "1000l";

// A process with a hot lock, and the view on it.
class Live : public testing::Test {
 protected:
  Live() { workload_.go(); }

  void start(std::vector<std::string> more = {}, const std::string& type = "xterm-256color") {
    std::vector<std::string> arguments = {"--pid", std::to_string(workload_.pid())};
    arguments.insert(arguments.end(), more.begin(), more.end());
    terminal_.start(command(arguments), type);
  }
  // With a report in it.
  void open(const std::vector<std::string>& more = {}) {
    start(more);
    ASSERT_TRUE(terminal_.shows(kAlternateScreen)) << terminal_.written();
    ASSERT_TRUE(terminal_.shows("hot_lock")) << terminal_.written();
    EXPECT_NE(terminal_.modes().c_lflag, before_.c_lflag);
  }
  void expect_given_back() {
    EXPECT_TRUE(terminal_.modes() == before_);
    const std::string& text = terminal_.written();
    const auto last = [&](const std::string& what) { return text.rfind(what); };
    ASSERT_NE(last(kNormalScreen), std::string::npos) << text;
    EXPECT_GT(last(kNormalScreen), last(kAlternateScreen));
    ASSERT_NE(last(kCursor), std::string::npos) << text;
    EXPECT_GT(last(kCursor), last("\x1b[?25l"));
    ASSERT_NE(last(kNoMouse), std::string::npos) << text;
    EXPECT_GT(last(kNoMouse), last(kMouse));
  }
  // What stands on the normal screen at the end.
  [[nodiscard]] std::string left_behind() const {
    const std::string& text = terminal_.written();
    return text.substr(text.rfind(kNormalScreen) + kNormalScreen.size());
  }

  Workload workload_{{"mutex4", "4", "60", "100"}};
  PseudoTerminal terminal_;
  const termios before_ = terminal_.modes();
};

TEST_F(Live, ServesKeysAndLeavesTheVerdict) {
  open();
  terminal_.type("\r");
  EXPECT_TRUE(terminal_.shows("back")) << terminal_.written();  // what Esc does in a row's pane
  terminal_.type("\x1b");
  EXPECT_TRUE(terminal_.shows("WAITS/S")) << terminal_.written();
  terminal_.type("?");
  EXPECT_TRUE(terminal_.shows("select a row"));
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
  EXPECT_NE(left_behind().find("threads   "), std::string::npos) << left_behind();
  EXPECT_NE(left_behind().find("hot_lock"), std::string::npos) << left_behind();
}

TEST_F(Live, FollowsTheSizeOfTheTerminal) {
  open();
  terminal_.resize(40, 10);
  EXPECT_TRUE(terminal_.shows("is needed, this is 40x10"));
  terminal_.resize(60, 15);
  EXPECT_TRUE(terminal_.shows("1 Locks"));
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
}

TEST_F(Live, EndsWithItsTarget) {
  open();
  workload_.send(SIGKILL);
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
}

TEST_F(Live, EndsWithItsTime) {
  open({"-d", "3"});
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
  EXPECT_NE(left_behind().find("threads   "), std::string::npos) << left_behind();
}

TEST_F(Live, EndsWithoutATerminal) {
  open();
  terminal_.hang_up();
  EXPECT_EQ(terminal_.wait(), 0);
}

// Even where nobody reads what it writes.
TEST_F(Live, EndsThoughTheTerminalIsStuck) {
  terminal_.resize(250, 60);
  open({"-i", "0.1"});
  for (int i = 0; i < 40; ++i) {
    terminal_.resize(i % 2 == 0 ? 240 : 250, 60);  // all is drawn again
    usleep(100'000);
  }
  terminal_.send(SIGTERM);
  EXPECT_EQ(terminal_.wait_without_reading(), 0);
  EXPECT_TRUE(terminal_.modes() == before_);
}

class LiveEnded : public Live, public testing::WithParamInterface<int> {};

TEST_P(LiveEnded, InOrder) {
  open();
  terminal_.send(GetParam());
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
}
INSTANTIATE_TEST_SUITE_P(BySignal, LiveEnded, testing::Values(SIGTERM, SIGINT, SIGHUP));

class LiveKilled : public Live, public testing::WithParamInterface<int> {};

TEST_P(LiveKilled, GivesTheTerminalBack) {
  open();
  terminal_.send(GetParam());
  EXPECT_EQ(terminal_.wait(), 128 + GetParam());
  expect_given_back();
}
INSTANTIATE_TEST_SUITE_P(BySignal, LiveKilled, testing::Values(SIGSEGV, SIGABRT, SIGQUIT, SIGUSR1));

// Under a shell: Ctrl-Z gives the terminal to it, fg takes it again.
TEST_F(Live, StopsAndGoesOn) {
  terminal_.start({"/bin/bash", "--norc", "-i"});
  terminal_.type(std::string(CW_COMMAND) + " --pid " + std::to_string(workload_.pid()) + "\n");
  ASSERT_TRUE(terminal_.shows(kAlternateScreen)) << terminal_.written();
  ASSERT_TRUE(terminal_.shows("hot_lock")) << terminal_.written();
  terminal_.type("\x1a");
  EXPECT_TRUE(terminal_.shows(kNormalScreen)) << terminal_.written();
  EXPECT_TRUE(terminal_.shows("Stopped")) << terminal_.written();
  terminal_.type("fg\n");
  EXPECT_TRUE(terminal_.shows(kAlternateScreen)) << terminal_.written();
  EXPECT_TRUE(terminal_.shows("hot_lock")) << terminal_.written();
  terminal_.type("q");
  EXPECT_TRUE(terminal_.shows(kNormalScreen)) << terminal_.written();
  EXPECT_TRUE(terminal_.shows("threads   ")) << terminal_.written();
  terminal_.type("echo was $?\n");
  EXPECT_TRUE(terminal_.shows("was 0")) << terminal_.written();
  terminal_.type("exit\n");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
}

TEST_F(Live, ErrorsAreShownAfterTheEnd) {
  start({"--json", "/dev/full"});
  EXPECT_EQ(terminal_.wait(), 1);
  expect_given_back();
  EXPECT_NE(left_behind().find("cannot write to /dev/full"), std::string::npos) << left_behind();
}

TEST_F(Live, UnknownTerminalGetsText) {
  start({"-i", "0.5", "-d", "1"}, "no-such-terminal");
  EXPECT_EQ(terminal_.wait(), 0);
  const std::string& text = terminal_.written();
  EXPECT_NE(text.find("no terminal called 'no-such-terminal' (TERM) is known here"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("hot_lock"), std::string::npos) << text;
  EXPECT_EQ(text.find(kAlternateScreen), std::string::npos);
  EXPECT_TRUE(terminal_.modes() == before_);
}

TEST_F(Live, NeedsATerminal) {
  const Ran ran = run({"--pid", std::to_string(workload_.pid()), "--format", "tui"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_NE(ran.errors.find("--format tui takes a terminal"), std::string::npos) << ran.errors;
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
}

TEST_F(Live, MachineOpensOnProcesses) {
  terminal_.start(command({}));
  ASSERT_TRUE(terminal_.shows("WORST LOCK")) << terminal_.written();
  terminal_.type("/mutex4\r\r");
  EXPECT_TRUE(terminal_.shows("only pid " + std::to_string(workload_.pid())))
      << terminal_.written();
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 0);
  expect_given_back();
}

}  // namespace
}  // namespace cw::test
