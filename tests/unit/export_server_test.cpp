// The server and clients of all kinds, over real sockets on loopback.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "export/metrics.h"
#include "export/metrics_server.h"
#include "export_fixtures.h"
#include "model/fd.h"

namespace cw {
namespace {

TEST(ListenAddress, OnLoopbackUnlessSaidOtherwise) {
  const auto text_of = [](const char* text) { return parse_listen_address(text).value().text(); };
  EXPECT_EQ(text_of("9477"), "127.0.0.1:9477");
  EXPECT_EQ(text_of(":9477"), "127.0.0.1:9477");
  EXPECT_EQ(text_of("localhost:9477"), "127.0.0.1:9477");
  EXPECT_EQ(text_of("0.0.0.0:1"), "0.0.0.0:1");
  EXPECT_EQ(text_of("[::1]:9477"), "[::1]:9477");
}

TEST(ListenAddress, MistakesAreWrongUsage) {
  for (const char* text : {"", ":", "x", "1.2.3.4", "1.2.3:9", "h.example:9", "::1:9", "[::1]",
                           "-1", "65536", "1.2.3.4:", "9 ", "[]:9", "127.0.0.1:9x"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().exit, Exit::kUsage);
  }
}

class Server : public testing::Test {
 protected:
  void SetUp() override {
    auto server = MetricsServer::bind(*parse_listen_address("0"));
    ASSERT_TRUE(server) << server.error().message;
    server_.emplace(std::move(*server));
    server_->publish({.prometheus = "a 1\n", .open_metrics = "a 1\n# EOF\n"});
    ASSERT_TRUE(server_->start());
    address_ = parse_listen_address(server_->address()).value();
  }

  [[nodiscard]] Fd connected() const {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(
        connect(socket.get(), reinterpret_cast<const sockaddr*>(&address_.socket), address_.length),
        0);
    return socket;
  }

  static bool send_all(const Fd& socket, std::string_view text) {
    return send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  // All until the server closes.
  static std::string answer(const Fd& socket) {
    std::string text;
    std::array<char, 65536> part{};
    for (ssize_t got = 0; (got = recv(socket.get(), part.data(), part.size(), 0)) > 0;)
      text.append(part.data(), static_cast<std::size_t>(got));
    return text;
  }

  [[nodiscard]] std::string ask(const std::string& request) const {
    const Fd socket = connected();
    EXPECT_TRUE(send_all(socket, request));
    return answer(socket);
  }

  [[nodiscard]] std::string scrape() const {
    return ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  std::optional<MetricsServer> server_;
  ListenAddress address_;
};

TEST_F(Server, ServesMetrics) {
  const std::string text = scrape();
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ")) << text;
  EXPECT_NE(text.find("Content-Type: text/plain; version=0.0.4"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\na 1\n")) << text;
  server_->publish({.prometheus = "a 2\n", .open_metrics = ""});
  EXPECT_TRUE(scrape().ends_with("a 2\n"));
}

TEST_F(Server, ServesOpenMetricsToThoseWhoAsk) {
  const std::string text =
      ask("GET /metrics HTTP/1.1\r\nHost: x\r\n"
          "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n");
  EXPECT_NE(text.find("Content-Type: application/openmetrics-text; version=1.0.0"),
            std::string::npos);
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST_F(Server, ALargePageArrivesWhole) {
  const std::string page(8'000'000, 'x');
  server_->publish({.prometheus = page, .open_metrics = ""});
  EXPECT_TRUE(scrape().ends_with(page));
}

double cpu_ms_since(std::clock_t before) {
  return 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
}

// What was promised is 20 ms for a scrape; here the time is printed, and only a flaw fails.
TEST_F(Server, ScrapeOfFiveThousandLocksIsSmallAndQuick) {
  constexpr int kRounds = 20;
  const Report report = test::report_of(5'000);
  Metrics metrics({.top_n = 10, .with_pid = true, .version = "1"});
  std::clock_t before = std::clock();
  for (int i = 0; i < kRounds; ++i) {
    metrics.add(report);
    server_->publish({.prometheus = metrics.text(ExpositionFormat::kPrometheus),
                      .open_metrics = metrics.text(ExpositionFormat::kOpenMetrics)});
  }
  const double report_ms = cpu_ms_since(before) / kRounds;
  std::string page;
  before = std::clock();
  for (int i = 0; i < kRounds; ++i) page = scrape();
  const double scrape_ms = cpu_ms_since(before) / kRounds;

  std::size_t series = 0;
  std::istringstream lines(page.substr(page.find("\r\n\r\n") + 4));
  for (std::string line; std::getline(lines, line);) series += line.starts_with('#') ? 0 : 1;
  std::printf("5,000 locks: %.2f ms of CPU a report, %.2f ms a scrape of %zu series, %zu bytes\n",
              report_ms, scrape_ms, series, page.size());
  EXPECT_NE(page.find("\ncontentionwatch_locks_in_other 4990\n"), std::string::npos) << page;
  EXPECT_GT(series, 100U);
  EXPECT_LE(series, 300U);
  EXPECT_LT(page.size(), 1'000'000U);
  EXPECT_LT(scrape_ms, 200);
  EXPECT_LT(report_ms, 200);
}

TEST_F(Server, RefusesWhatIsNotAScrape) {
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("GET /metrics/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")
                  .starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                  .starts_with("HTTP/1.1 501 "));
  EXPECT_EQ(ask("\x16\x03\x01 no HTTP\r\n\r\n").find("200"), std::string::npos);
  EXPECT_TRUE(scrape().starts_with("HTTP/1.1 200 ")) << "and goes on";
}

TEST_F(Server, AnEndlessHeaderIsCutOff) {
  const Fd socket = connected();
  const std::string part(65'536, 'x');
  ASSERT_TRUE(send_all(socket, "GET /metrics HTTP/1.1\r\nX: "));
  std::size_t sent = 0;
  constexpr std::size_t kGigabyte = 1'000'000'000;
  while (sent < kGigabyte && send_all(socket, part)) sent += part.size();
  EXPECT_LT(sent, kGigabyte / 10) << "it was read on and on";
  EXPECT_TRUE(scrape().starts_with("HTTP/1.1 200 "));
}

TEST_F(Server, IdleClientsDoNotKeepOthersOut) {
  std::vector<Fd> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(connected());
    EXPECT_TRUE(send_all(idle.back(), "GET /met"));
  }
  EXPECT_TRUE(scrape().starts_with("HTTP/1.1 200 "));
  std::array<char, 16> nothing{};
  // The oldest were let go at once; the rest, once they were silent for long enough.
  for (const Fd& socket : idle) EXPECT_LE(recv(socket.get(), nothing.data(), nothing.size(), 0), 0);
}

TEST_F(Server, GoesWhileClientsAreConnected) {
  const Fd idle = connected();
  EXPECT_TRUE(scrape().starts_with("HTTP/1.1 200 "));
  server_.reset();
  EXPECT_EQ(answer(idle), "");
}

TEST_F(Server, TakenPortIsSaid) {
  const auto second = MetricsServer::bind(address_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().exit, Exit::kFailed);
  EXPECT_EQ(second.error().message,
            "cannot listen on " + address_.text() + ": Address already in use");
}

TEST_F(Server, WithoutAPageItIsNotReady) {
  auto empty = MetricsServer::bind(*parse_listen_address("0"));
  ASSERT_TRUE(empty && empty->start());
  address_ = parse_listen_address(empty->address()).value();
  EXPECT_TRUE(scrape().starts_with("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace cw
