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
#include <regex>
#include <sstream>

#include "../otlp_collector.h"
#include "../otlp_samples.h"
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
std::string scrape(std::uint16_t port, const std::string& path = "/metrics") {
  Loopback server(port);
  if (!server.connect()) return {};
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
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

// The rules as they are delivered, but for the minutes that they wait.
void write_rules(const fs::path& file) {
  std::istringstream rules(content_of(fs::path(CW_MONITORING) / "alerts.yml"));
  std::ofstream hasty(file);
  static const std::regex kWait("^( +for:) .*");
  for (std::string line; std::getline(rules, line);)
    hasty << std::regex_replace(line, kWait, "$1 1s") << "\n";
}

TEST_F(Exports, PrometheusScrapesAndFiresTheAlert) {
  const std::uint16_t port = free_port();
  const std::uint16_t server = free_port();
  write_rules(folder_ / "rules.yml");
  std::ofstream(folder_ / "prometheus.yml")
      << "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
         "rule_files: [rules.yml]\n"
         "scrape_configs:\n"
         "  - job_name: contentionwatch\n"
         "    static_configs: [{targets: ['127.0.0.1:"
      << port << "']}]\n";
  const ChildProcess prometheus(
      {"/usr/bin/prometheus", "--config.file=" + (folder_ / "prometheus.yml"),
       "--storage.tsdb.path=" + (folder_ / "data"),
       "--web.listen-address=127.0.0.1:" + std::to_string(server), "--log.level=error"});
  // Thresholds that the demo reaches beside whatever else the machine does.
  ChildProcess demo(command({"demo", "-i", "1", "-d", "60", "--format", "json", "--listen",
                             std::to_string(port), "--threshold", "lock.waiters.culprit=0.15",
                             "--threshold", "lock.busy.culprit=0.15"}),
                    true);
  std::string alerts;
  const auto fires = [&] {
    alerts = scrape(server, "/api/v1/alerts");
    return std::regex_search(alerts, std::regex("LockContention.*firing"));
  };
  for (int i = 0; i < 40 && !fires(); ++i) demo.read_line();  // a report a second
  EXPECT_TRUE(fires()) << alerts;
  const std::string health = scrape(server, "/api/v1/rules");
  EXPECT_EQ(health.find("\"health\":\"err\""), std::string::npos) << health;
  demo.send(SIGTERM);
  demo.read_all();
  EXPECT_EQ(demo.wait(), 0);
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

  shell("xmllint --noout --nonet " + prefix + ".locks.svg " + prefix + ".alloc.svg");
  const std::string svg = content_of(prefix + ".locks.svg");
  EXPECT_NE(svg.find("data-s=\"lock\" data-l=\"0\" data-n=\"mutex hot_lock (mutex4)\""),
            std::string::npos);

  const std::string top =
      shell("HOME=" + folder_.path().string() +
            " go tool pprof -top -cum -tagfocus=lock=hot_lock " + prefix + ".locks.pb.gz");
  EXPECT_NE(top.find("Type: delay"), std::string::npos) << top;
  EXPECT_NE(top.find("pthread_mutex_lock"), std::string::npos) << top;
  const std::string raw =
      shell("HOME=" + folder_.path().string() + " go tool pprof -raw " + prefix + ".locks.pb.gz");
  EXPECT_TRUE(std::regex_search(raw, std::regex(R"(mutex4 [0-9a-f]{40} \[FN\])"))) << raw;
}

TEST_F(Exports, ProfilesOfAllocations) {
  Workload workload({"alloc_work", "paced", "2", "30"});
  workload.go();
  const std::string prefix = folder_ / "run";
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "2", "-d", "6", "--format",
                       "json", "--budget", "100", "--folded", prefix, "--pprof", prefix});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  double bytes = 0;  // as the reports have it
  for (const auto& report : reports_in(ran.output))
    for (const auto& row : report.at("allocators"))
      if (row.contains("bytes_per_s"))
        bytes += row.at("bytes_per_s").at("estimate").get<double>() *
                 report.at("interval_s").get<double>();
  ASSERT_GT(bytes, 0);
  double folded = 0;
  std::istringstream lines(content_of(prefix + ".alloc.folded"));
  for (std::string line; std::getline(lines, line);)
    folded += std::stod(line.substr(line.rfind(' ') + 1));
  EXPECT_NEAR(folded / bytes, 1, 1e-3);
  const std::string top =
      shell("HOME=" + folder_.path().string() + " go tool pprof -top " + prefix + ".alloc.pb.gz");
  EXPECT_NE(top.find("Type: alloc_space"), std::string::npos) << top;
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

TEST_F(Exports, PushedMetricsAreThoseThatAreScraped) {
  Workload workload({"mutex4", "4", "60", "100"});
  workload.go();
  Collector collector(Collector::always(http_answer("200 OK")));
  collector.open();
  const fs::path textfile = folder_ / "cw.prom";
  const std::string pid = std::to_string(workload.pid());
  const Ran ran = run({"--pid", pid, "-i", "0.5", "-d", "1.6", "--format", "json", "--otlp",
                       collector.url(), "--textfile", textfile, "--listen", "0"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  EXPECT_EQ(lines_in(ran.errors), 1U) << "where it listens: " << ran.errors;
  const std::size_t reports = reports_in(ran.output).size();
  const auto posts = collector.posts(reports);
  ASSERT_EQ(posts.size(), reports);
  ASSERT_GE(reports, 2U);
  EXPECT_NE(posts[0].head.find("POST /v1/metrics "), std::string::npos) << posts[0].head;
  const auto last = nlohmann::json::parse(posts.back().body);
  const Samples pushed = samples_in_request(last);
  EXPECT_EQ(pushed, samples_in_text(content_of(textfile)));
  const std::string labels = R"({comm="mutex4",pid=")" + pid + R"(",kind="mutex",lock="hot_lock"})";
  EXPECT_GT(pushed.at("contentionwatch_lock_wait_seconds_count" + labels), 0);
  EXPECT_EQ(pushed.at(R"(contentionwatch_otlp_dropped_total{what="reports"})"), 0);
  const auto& resource = last.at("resourceMetrics").at(0).at("resource").at("attributes");
  EXPECT_EQ(resource.at(0).at("value").at("stringValue"), "contentionwatch");
}

std::string all_of(std::size_t reports) {
  return std::to_string(reports) + " of " + std::to_string(reports) + " reports";
}

TEST_F(Exports, CollectorThatIsDownCostsNoReport) {
  const Workload workload({"never"});
  const Collector down(Collector::never_answer);
  const fs::path textfile = folder_ / "cw.prom";
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "0.2", "-d", "1", "--format",
                       "json", "--otlp", down.url(), "--textfile", textfile});
  EXPECT_EQ(ran.exit, 0);
  const std::size_t reports = reports_in(ran.output).size();
  EXPECT_GE(reports, 2U);
  EXPECT_EQ(lines_in(ran.errors), 2U) << ran.errors;
  EXPECT_NE(ran.errors.find(all_of(reports) + " did not reach " + down.url() +
                            "/v1/metrics: Connection refused\n"),
            std::string::npos)
      << ran.errors;
  EXPECT_EQ(samples_in_text(content_of(textfile))
                .at(R"(contentionwatch_otlp_dropped_total{what="reports"})"),
            static_cast<double>(reports));
}

TEST_F(Exports, CollectorThatNeverAnswersHoldsUpNoReport) {
  const Workload workload({"never"});
  Collector silent(Collector::never_answer);
  silent.open();
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "0.2", "-d", "1", "--format",
                       "json", "--otlp", silent.url()});
  EXPECT_EQ(ran.exit, 0);
  const auto reports = reports_in(ran.output);
  EXPECT_GE(reports.size(), 2U);
  for (const auto& report : reports)
    EXPECT_LT(report.at("interval_s"), 5) << "its patience is 10 s";
  EXPECT_NE(ran.errors.find(all_of(reports.size()) + " did not reach "), std::string::npos)
      << ran.errors;
}

TEST_F(Exports, WhereNothingCanBePushedIsWrongUsage) {
  for (const char* url :
       {"", "localhost:4318", "https://collector", "http://x:0", "http://x:99999",
        "http://me:secret@x", "http://x?key=secret", "http://x\n", "http://x#y"}) {
    const Ran ran = run({"--pid", "1", "--otlp", url});
    EXPECT_EQ(ran.exit, 2) << url;
    EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
    EXPECT_NE(ran.errors.find("--otlp takes http://"), std::string::npos) << ran.errors;
    EXPECT_EQ(ran.errors.find("secret"), std::string::npos) << ran.errors;
  }
  const Ran ran = run({"--pid", "1", "--otlp", "http://localhost"},
                      {"/usr/bin/env", "OTEL_EXPORTER_OTLP_HEADERS=nonsense"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_EQ(lines_in(ran.errors), 1U) << ran.errors;
  EXPECT_NE(ran.errors.find("OTEL_EXPORTER_OTLP_HEADERS takes "), std::string::npos) << ran.errors;
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
