// Runs that were recorded, and shown again.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "../otlp_collector.h"
#include "child_process.h"
#include "command.h"
#include "program.h"
#include "terminal.h"

namespace cw::test {
namespace {

namespace fs = std::filesystem;

// Somebody without rights.
const std::vector<std::string> kNobody = {"/usr/bin/setpriv",    "--reuid=65534",
                                          "--regid=65534",       "--clear-groups",
                                          "--bounding-set=-all", "--inh-caps=-all"};

class Recordings : public testing::Test {
 protected:
  Recordings() { fs::permissions(folder_.path(), fs::perms::all); }

  [[nodiscard]] Ran record(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--record", file_});
    return run(std::move(arguments));
  }
  [[nodiscard]] Ran replay(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"replay", file_});
    return run(std::move(arguments), kNobody);
  }

  const TemporaryFolder folder_;
  const std::string file_ = folder_ / "run.cwrec";
};

TEST_F(Recordings, ShowTheSameReportsAgain) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const std::string prefix = folder_ / "live";
  const std::string reports = folder_ / "live.json";
  const std::string metrics = folder_ / "live.prom";
  const Ran live = record({"--pid",        std::to_string(workload.pid()),
                           "-i",           "0.5",
                           "-d",           "1.6",
                           "-n",           "3",
                           "--json",       reports,
                           "--textfile",   metrics,
                           "--folded",     prefix,
                           "--speedscope", prefix,
                           "--flamegraph", prefix,
                           "--pprof",      prefix});
  ASSERT_EQ(live.exit, 0) << live.errors;
  ASSERT_FALSE(reports_in(content_of(reports)).empty());
  EXPECT_NE(live.output.find("hot_lock"), std::string::npos) << live.output;

  const Ran again = replay();
  EXPECT_EQ(again.exit, 0) << again.errors;
  EXPECT_EQ(again.output, live.output);
  EXPECT_EQ(replay({"--format", "json"}).output, content_of(reports));

  const std::string copy = folder_ / "again";
  const std::string copied_metrics = folder_ / "again.prom";
  const Ran exports = replay({"--textfile", copied_metrics, "--folded", copy, "--speedscope", copy,
                              "--flamegraph", copy, "--pprof", copy});
  EXPECT_EQ(exports.exit, 0) << exports.errors;
  EXPECT_EQ(content_of(copied_metrics), content_of(metrics));
  for (const char* extension : {"folded", "speedscope.json", "svg", "pb.gz"}) {
    const std::string rest = std::string(".locks.") + extension;
    EXPECT_EQ(content_of(copy + rest), content_of(prefix + rest)) << extension;
  }
}

// As it was then, with the times of then, however fast it goes now.
TEST_F(Recordings, PushTheSameMetricsAgain) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  Collector collector(Collector::always(http_answer("200 OK")));
  collector.open();
  const Ran live = record({"--pid", std::to_string(workload.pid()), "-i", "0.2", "-d", "2",
                           "--format", "json", "--otlp", collector.url()});
  ASSERT_EQ(live.exit, 0) << live.errors;
  const Ran again = replay({"--otlp", collector.url()});
  EXPECT_EQ(again.exit, 0) << again.errors;
  EXPECT_EQ(again.errors, "");
  const std::size_t reports = reports_in(live.output).size();
  const auto posts = collector.posts(2 * reports);
  ASSERT_EQ(posts.size(), 2 * reports);
  EXPECT_NE(posts[0].body.find("/pid=" + std::to_string(workload.pid()) + "\""), std::string::npos)
      << "whom it is about: " << posts[0].body;
  for (std::size_t i = 0; i < reports; ++i) EXPECT_EQ(posts[i].body, posts[reports + i].body) << i;
}

TEST_F(Recordings, HaveIdleWaitsForWhoAsksForThem) {
  Workload workload({"idle_pool", "condvar", "4", "100"});
  workload.go();
  const Ran live = record({"--pid", std::to_string(workload.pid()), "-d", "1", "--format", "json"});
  ASSERT_EQ(live.exit, 0) << live.errors;
  const auto reports = reports_in(replay({"--format", "json", "--waits"}).output);
  ASSERT_FALSE(reports.empty());
  EXPECT_FALSE(reports.back().at("waits").empty());
  EXPECT_EQ(replay({"--format", "json"}).output, live.output);
}

TEST_F(Recordings, OfAnObserverThatIsKilledEndsWithItsLastReport) {
  const Workload workload({"never"});
  ChildProcess observer(command({"--pid", std::to_string(workload.pid()), "-i", "0.3", "--format",
                                 "json", "--record", file_}));
  std::string said;
  for (int i = 0; i < 3; ++i) said += observer.read_line() + "\n";
  observer.send(SIGKILL);
  observer.wait();
  const Ran again = replay({"--format", "json"});
  EXPECT_EQ(again.exit, 1);
  EXPECT_EQ(lines_in(again.errors), 1U) << again.errors;
  EXPECT_TRUE(again.output.starts_with(said));
}

TEST_F(Recordings, FullDiskIsSaidAndLosesNoReport) {
  const Workload workload({"never"});
  const std::string small = folder_ / "small";
  fs::create_directory(small);
  ASSERT_EQ(status_of({"/bin/mount", "-t", "tmpfs", "-o", "size=4k", "none", small}), 0);
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "0.2", "-d", "20", "--format",
                       "json", "--record", small + "/run.cwrec"});
  const Ran again = run({"replay", small + "/run.cwrec", "--format", "json"});
  EXPECT_EQ(status_of({"/bin/umount", small}), 0);
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find("No space left on device"), std::string::npos) << ran.errors;
  EXPECT_EQ(again.exit, 1);
  EXPECT_EQ(lines_in(again.errors), 1U) << again.errors;
  EXPECT_FALSE(again.output.empty());
  EXPECT_TRUE(ran.output.starts_with(again.output)) << "all but the one that did not fit";
  EXPECT_EQ(lines_in(ran.output), lines_in(again.output) + 1);
}

TEST_F(Recordings, VerdictsCountAgain) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const Ran live =
      record({"--pid", std::to_string(workload.pid()), "-d", "1", "--fail-on", "suspect"});
  EXPECT_EQ(live.exit, 10) << live.output;
  EXPECT_EQ(replay({"--fail-on", "suspect"}).exit, 10);
  EXPECT_EQ(replay().exit, 0);
}

// On a terminal of somebody without rights.
class RecordingsLive : public Recordings {
 protected:
  RecordingsLive() {
    Workload workload({"mutex4", "4", "60", "100"});
    workload.go();
    const Ran ran =
        record({"--pid", std::to_string(workload.pid()), "-i", "0.3", "-d", "2", "--waits"});
    EXPECT_EQ(ran.exit, 0) << ran.errors;
  }

  void start(std::vector<std::string> more) {
    more.insert(more.begin(), {"replay", file_});
    more = command(more);
    more.insert(more.begin(), kNobody.begin(), kNobody.end());
    terminal_.start(more);
  }
  void open(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--format", "tui"});
    start(more);
    ASSERT_TRUE(terminal_.shows("recording of ")) << terminal_.written();
    ASSERT_TRUE(terminal_.shows("hot_lock")) << terminal_.written();
    EXPECT_FALSE(terminal_.modes() == before_);
  }
  // Draws all of it again: what it shows can be looked for.
  void resize(unsigned short columns, unsigned short lines) {
    terminal_.resize(columns, lines);
    EXPECT_TRUE(terminal_.shows("recording of ")) << terminal_.written();
  }
  // What stands on the terminal once it has its modes and its screen again.
  [[nodiscard]] std::string left_behind() const {
    EXPECT_TRUE(terminal_.modes() == before_);
    const std::string normal_screen = "\x1b[?1049l";
    const std::string& text = terminal_.written();
    EXPECT_NE(text.rfind(normal_screen), std::string::npos) << text;
    return text.substr(text.rfind(normal_screen) + normal_screen.size());
  }

  PseudoTerminal terminal_{100, 30};
  const termios before_ = terminal_.modes();
};

TEST_F(RecordingsLive, CanBeGoneThrough) {
  const std::string prefix = folder_ / "profile";
  open({"--pprof", prefix, "--json", folder_ / "again.json"});
  terminal_.type("{");  // it opens on the last
  resize(110, 30);
  EXPECT_TRUE(terminal_.shows("interval 1 of ")) << terminal_.written();
  terminal_.type("]");
  resize(100, 30);
  EXPECT_TRUE(terminal_.shows("interval 2 of ")) << terminal_.written();
  terminal_.type("w");
  resize(110, 30);
  EXPECT_TRUE(terminal_.shows(", the worst")) << terminal_.written();
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 0);
  EXPECT_NE(left_behind().find("hot_lock"), std::string::npos) << left_behind();
  EXPECT_GT(fs::file_size(prefix + ".locks.pb.gz"), 100U);
  EXPECT_EQ(content_of(folder_ / "again.json"), replay({"--format", "json"}).output);
}

TEST_F(RecordingsLive, JudgesAgain) {
  open({"--fail-on", "suspect"});
  terminal_.send(SIGTERM);
  EXPECT_EQ(terminal_.wait(), 10);
  EXPECT_NE(left_behind().find("hot_lock"), std::string::npos) << left_behind();
}

TEST_F(RecordingsLive, DamageIsSaidOnTheScreenAndAfterIt) {
  fs::resize_file(file_, fs::file_size(file_) - 10);
  open();
  resize(110, 30);
  EXPECT_TRUE(terminal_.shows("run.cwrec is cut off after interval ")) << terminal_.written();
  terminal_.type("q");
  EXPECT_EQ(terminal_.wait(), 1);
  EXPECT_NE(left_behind().find("run.cwrec is cut off after interval "), std::string::npos)
      << left_behind();
}

TEST_F(RecordingsLive, OnlyWhereItIsAskedFor) {
  start({});
  EXPECT_EQ(terminal_.wait(), 0);
  EXPECT_NE(terminal_.written().find("hot_lock"), std::string::npos) << terminal_.written();
  EXPECT_EQ(terminal_.written().find("\x1b[?1049h"), std::string::npos);
}

TEST_F(RecordingsLive, NeedsATerminalAndAFile) {
  const Ran piped = replay({"--format", "tui"});
  EXPECT_EQ(piped.exit, 2);
  EXPECT_EQ(lines_in(piped.errors), 1U) << piped.errors;
  EXPECT_NE(piped.errors.find("--format tui takes a terminal"), std::string::npos) << piped.errors;
  terminal_.start(
      {"/bin/bash", "-c", std::string(CW_COMMAND) + " replay <(cat " + file_ + ") --format tui"});
  EXPECT_EQ(terminal_.wait(), 1);
  EXPECT_NE(terminal_.written().find("comes only once"), std::string::npos) << terminal_.written();
}

TEST_F(Recordings, WhatIsNoneIsSaid) {
  for (const char* file : {"/etc/passwd", "/nonexistent", "/etc"}) {
    const Ran ran = run({"replay", file});
    EXPECT_EQ(ran.exit, 1) << file;
    EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  }
  for (const std::vector<std::string>& more : {std::vector<std::string>{},
                                               {"x", "--pid", "1"},
                                               {"x", "--listen", "0"},
                                               {"x", "--threshold", "lock.busy.suspect=1"}}) {
    std::vector<std::string> arguments = {"replay"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit, 2);
    EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  }
}

}  // namespace
}  // namespace cw::test
