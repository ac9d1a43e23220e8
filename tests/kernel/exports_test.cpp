// Exports of a real run, read by those they are for.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "child_process.h"
#include "command.h"
#include "program.h"

namespace cw::test {
namespace {

namespace fs = std::filesystem;

// A socket, and an address of loopback for it; with port 0: any.
class Loopback {
 public:
  explicit Loopback(std::uint16_t port = 0) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_.sin_port = htons(port);
  }

  // The port that it is bound to then.
  std::uint16_t bind() {
    EXPECT_EQ(::bind(socket_.get(), address(), sizeof(address_)), 0);
    socklen_t length = sizeof(address_);
    getsockname(socket_.get(), address(), &length);
    return ntohs(address_.sin_port);
  }
  [[nodiscard]] bool connect() { return ::connect(fd(), address(), sizeof(address_)) == 0; }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  sockaddr* address() { return reinterpret_cast<sockaddr*>(&address_); }

  const Fd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address_{};
};

// A port that is free now.
std::uint16_t free_port() {
  return Loopback().bind();
}

// What the server at `port` answers, status line and all; empty when nobody listens.
std::string scrape(std::uint16_t port) {
  Loopback server(port);
  if (!server.connect()) return {};
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (send(server.fd(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = recv(server.fd(), part.data(), part.size(), 0)) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

double sample(const std::string& text, const std::string& name) {
  const auto at = text.find("\n" + name + " ");
  EXPECT_NE(at, std::string::npos) << name << " is not in " << text;
  return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
}

std::string content_of(const fs::path& file) {
  const std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Output of a shell's command that must end well.
std::string shell(const std::string& script) {
  ChildProcess process({"/bin/sh", "-c", script + " 2>&1"});
  process.close_input();
  std::string text = process.read_all();
  EXPECT_EQ(process.wait(), 0) << script << "\n" << text;
  return text;
}

class Exports : public testing::Test {
 protected:
  const TemporaryFolder folder_;
};

TEST_F(Exports, MetricsWhileItRuns) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const std::uint16_t port = free_port();
  const fs::path textfile = folder_ / "cw.prom";
  ChildProcess observer(
      command({"--pid", std::to_string(workload.pid()), "-i", "0.5", "--format", "json", "--listen",
               std::to_string(port), "--textfile", textfile}));
  const std::string labels = R"({comm="mutex4",pid=")" + std::to_string(workload.pid()) +
                             R"(",kind="mutex",lock="hot_lock"})";
  const std::string count = "contentionwatch_lock_wait_seconds_count" + labels;
  // A report is printed before it is exported; at the next one, it was.
  std::uint64_t waits = 0;
  for (int i = 0; i < 2; ++i) {
    const auto report = nlohmann::json::parse(observer.read_line());
    const auto* lock = lock_at(report, workload.address("lock"));
    if (i == 0 && lock != nullptr) waits = lock->at("waits");
  }
  const std::string first = scrape(port);
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 ")) << first;
  EXPECT_GE(sample(first, count), static_cast<double>(waits));
  EXPECT_GT(sample(first, "contentionwatch_lock_waiters" + labels), 0);
  observer.read_line();
  observer.read_line();
  const std::string second = scrape(port);
  EXPECT_GT(sample(second, count), sample(first, count)) << "counters go on over intervals";
  observer.send(SIGTERM);
  observer.read_all();
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_EQ(scrape(port), "") << "nobody listens any longer";
  const std::string text = content_of(textfile);
  EXPECT_GE(sample(text, count), sample(second, count));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
  shell("promtool check metrics <" + textfile.string());
}

TEST_F(Exports, ProfilesAtTheEnd) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  const std::string prefix = folder_ / "run";
  const Ran ran =
      run({"--pid", std::to_string(workload.pid()), "-i", "0.5", "-d", "1.5", "--format", "json",
           "--folded", prefix, "--speedscope", prefix, "--flamegraph", prefix, "--pprof", prefix});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  double waited_ns = 0;  // of the hot lock, as the reports have it
  for (const auto& report : reports_in(ran.output))
    if (const auto* lock = lock_at(report, workload.address("lock")))
      waited_ns +=
          lock->at("waiters_mean").get<double>() * report.at("interval_s").get<double>() * 1e9;
  ASSERT_GT(waited_ns, 0);

  double folded_ns = 0;
  std::istringstream lines(content_of(prefix + ".locks.folded"));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("mutex4;")) << line;
    if (line.find(";[mutex hot_lock] ") == std::string::npos) continue;
    folded_ns += std::stod(line.substr(line.rfind(' ') + 1));
  }
  EXPECT_NEAR(folded_ns / waited_ns, 1, 1e-6);

  const auto speedscope = nlohmann::json::parse(content_of(prefix + ".locks.speedscope.json"));
  EXPECT_GE(speedscope.at("profiles").at(0).at("endValue").get<double>() * (1 + 1e-6), waited_ns);

  shell("xmllint --noout --nonet " + prefix + ".locks.svg");
  const std::string svg = content_of(prefix + ".locks.svg");
  EXPECT_NE(svg.find("data-s=\"lock\" data-l=\"0\" data-n=\"mutex hot_lock (mutex4)\""),
            std::string::npos);

  const std::string top =
      shell("HOME=" + folder_.path().string() +
            " go tool pprof -top -cum -tagfocus=lock=hot_lock " + prefix + ".locks.pb.gz");
  EXPECT_NE(top.find("Type: delay"), std::string::npos) << top;
  EXPECT_NE(top.find("pthread_mutex_lock"), std::string::npos) << top;
}

TEST_F(Exports, FullDiskAtTheEndLosesNoReport) {
  const Workload workload({"never"});
  const std::string prefix = folder_ / "full";
  fs::create_symlink("/dev/full", prefix + ".locks.svg");
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "0.5", "-d", "1", "--format",
                       "json", "--flamegraph", prefix, "--folded", prefix});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find(prefix + ".locks.svg"), std::string::npos) << ran.errors;
  EXPECT_EQ(reports_in(ran.output).size(), 2U);
}

TEST_F(Exports, TakenPortIsSaid) {
  Loopback taken;
  const std::uint16_t port = taken.bind();
  ASSERT_EQ(listen(taken.fd(), 1), 0);
  const Ran ran = run({"--pid", "1", "--listen", std::to_string(port)});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find("Address already in use"), std::string::npos) << ran.errors;
}

// Root's right to write anywhere is gone by the time of the first report.
TEST_F(Exports, TextfileInAFolderOfSomebodyElse) {
  fs::permissions(folder_.path(), fs::perms::owner_all);
  ASSERT_EQ(chown(folder_.path().c_str(), 65534, 65534), 0);
  const Ran ran = run({"--pid", "1", "-d", "1", "--textfile", folder_ / "cw.prom"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_EQ(ran.output, "");
}

}  // namespace
}  // namespace cw::test
