// Pushing, against collectors of all kinds over real sockets on loopback.
#include <gtest/gtest.h>

#include <mutex>

#include "../otlp_collector.h"
#include "export/otlp_push.h"

namespace cw {
namespace {

using namespace std::chrono_literals;
using test::Collector;
using test::http_answer;

class OtlpPushing : public testing::Test {
 protected:
  // With `= {}`, clang-tidy 19 finds that every variable of the file could be const.
  std::unique_ptr<OtlpPush> push_to(const std::string& url,
                                    OtlpPushOptions options = OtlpPushOptions()) {
    auto endpoint = parse_otlp_endpoint(url);
    EXPECT_TRUE(endpoint) << url;
    endpoint->headers = {{"Authorization", "Bearer x"}};
    options.version = "1.2.3";
    options.say = [this](const std::string& line) {
      const std::scoped_lock lock(mutex_);
      said_ += line + "\n";
    };
    auto push = OtlpPush::open(*endpoint, std::move(options));
    EXPECT_TRUE(push);
    return std::move(*push);
  }
  std::string said() {
    const std::scoped_lock lock(mutex_);
    return said_;
  }

  // Whether it did, before long.
  bool says_something() {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (said().empty() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(5ms);
    return !said().empty();
  }

  // Pushes one report at a collector that makes nothing of it. What it could send meanwhile.
  std::size_t push_one_at(const std::string& begin, const std::string& then) {
    std::atomic<std::size_t> sent = 0;
    Collector collector([&](int fd, std::size_t) {
      constexpr std::size_t kGigabyte = 1'000'000'000;
      if (!test::send_all(fd, begin)) return false;
      while (!then.empty() && sent < kGigabyte && test::send_all(fd, then)) sent += then.size();
      return false;
    });
    collector.open();
    const auto push = push_to(collector.url(), {.version = {}, .patience = 500ms});
    push->push("1");
    EXPECT_EQ(collector.posts(1).size(), 1U);
    push->finish();
    EXPECT_EQ(push->losses().reports, 1U);
    return sent;
  }

 private:
  std::mutex mutex_;
  std::string said_;
};

TEST_F(OtlpPushing, ReportsArriveInOrderOnOneConnection) {
  Collector collector(Collector::always(http_answer("200 OK")));
  collector.open();
  const auto push = push_to(collector.url());
  for (int i = 0; i < 10; ++i) push->push("report " + std::to_string(i));
  const auto posts = collector.posts(10);
  ASSERT_EQ(posts.size(), 10U);
  for (std::size_t i = 0; i < posts.size(); ++i)
    EXPECT_EQ(posts[i].body, "report " + std::to_string(i));
  const std::string& head = posts[0].head;
  EXPECT_TRUE(head.starts_with("POST /v1/metrics HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("\r\nHost: 127.0.0.1:" + std::to_string(collector.port()) + "\r\n"),
            std::string::npos)
      << head;
  EXPECT_NE(head.find("\r\nContent-Type: application/json\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nUser-Agent: contentionwatch/1.2.3 "), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nAuthorization: Bearer x\r\n"), std::string::npos) << head;
  push->finish();
  EXPECT_EQ(collector.connections(), 1U);
  EXPECT_EQ(push->losses().reports, 0U);
  EXPECT_EQ(said(), "");
}

TEST_F(OtlpPushing, ConnectionThatIsClosedIsMadeAgain) {
  Collector collector([](int fd, std::size_t) {
    test::send_all(fd, http_answer("200 OK"));
    return false;
  });
  collector.open();
  const auto push = push_to(collector.url());
  for (std::size_t i = 1; i <= 3; ++i) {
    push->push("x");
    ASSERT_EQ(collector.posts(i).size(), i);
    std::this_thread::sleep_for(50ms);  // in which it hangs up
  }
  push->finish();
  EXPECT_EQ(collector.connections(), 3U);
  EXPECT_EQ(push->losses().reports, 0U);
  EXPECT_EQ(said(), "") << "that is no failure";
}

TEST_F(OtlpPushing, BusyCollectorIsTriedAgain) {
  Collector collector([](int fd, std::size_t number) {
    return test::send_all(
        fd, number == 0 ? http_answer("503 Service Unavailable") : http_answer("200 OK"));
  });
  collector.open();
  const auto push = push_to(collector.url());
  push->push("one");
  push->push("two");
  const auto posts = collector.posts(3);
  ASSERT_EQ(posts.size(), 3U);
  EXPECT_EQ(posts[0].body, "one");
  EXPECT_EQ(posts[1].body, "one");
  EXPECT_EQ(posts[2].body, "two");
  EXPECT_GE(posts[1].at - posts[0].at, 500ms);
  push->finish();
  EXPECT_EQ(push->losses().reports, 0U);
  EXPECT_EQ(said(), "pushing metrics to " + collector.url() +
                        "/v1/metrics: HTTP status 503; trying again\nmetrics reach " +
                        collector.url() + "/v1/metrics again\n");
}

TEST_F(OtlpPushing, CollectorMayAskForAPause) {
  Collector collector([](int fd, std::size_t number) {
    return test::send_all(fd, number == 0
                                  ? http_answer("429 Too Many Requests", "{}", "Retry-After: 2\r\n")
                                  : http_answer("200 OK"));
  });
  collector.open();
  const auto push = push_to(collector.url());
  push->push("x");
  const auto posts = collector.posts(2);
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_GE(posts[1].at - posts[0].at, 2s);
}

TEST_F(OtlpPushing, NoPauseThatIsAskedForIsShorterThanOurOwn) {
  Collector collector(
      Collector::always(http_answer("503 Service Unavailable", "", "Retry-After: 0\r\n")));
  collector.open();
  const auto push = push_to(collector.url());
  push->push("x");
  const auto posts = collector.posts(3);
  ASSERT_EQ(posts.size(), 3U);
  EXPECT_GE(posts[1].at - posts[0].at, 500ms);
  EXPECT_GE(posts[2].at - posts[1].at, 500ms);
}

TEST_F(OtlpPushing, WhatIsRefusedIsCountedAndNotTriedAgain) {
  Collector collector([](int fd, std::size_t number) {
    return test::send_all(
        fd, number == 0 ? http_answer("400 Bad Request", R"({"message": "no\nsuch"})")
                        : http_answer("200 OK", R"({"partialSuccess": {"rejectedDataPoints": "7",
                                                    "errorMessage": "too old"}})"));
  });
  collector.open();
  const auto push = push_to(collector.url());
  push->push("one");
  push->push("two");
  const auto posts = collector.posts(2);
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(posts[1].body, "two");
  push->finish();
  EXPECT_EQ(collector.posts(0).size(), 2U);
  EXPECT_EQ(push->losses().reports, 1U);
  EXPECT_EQ(push->losses().points, 7U);
  EXPECT_NE(said().find("/v1/metrics: HTTP status 400: no\\x0asuch\n"), std::string::npos)
      << said();
  EXPECT_NE(said().find("1 of 2 reports and 7 points of others did not reach"), std::string::npos)
      << said();
}

TEST_F(OtlpPushing, CollectorThatIsDownCostsACountedLoss) {
  const Collector down(Collector::never_answer);
  const auto push = push_to(down.url());
  for (int i = 0; i < 100; ++i) push->push(std::to_string(i));
  EXPECT_GE(push->losses().reports, 39U) << "60 wait, one may be on its way";
  push->finish();
  EXPECT_EQ(push->losses().reports, 100U);
  EXPECT_NE(said().find("100 of 100 reports did not reach " + down.url() +
                        "/v1/metrics: Connection refused\n"),
            std::string::npos)
      << said();
  EXPECT_LE(std::ranges::count(said(), '\n'), 2) << "said once, and at the end: " << said();
}

TEST_F(OtlpPushing, LongestReportsGiveWayToo) {
  const Collector down(Collector::never_answer);
  const auto push = push_to(down.url());
  const std::string part(4'000'000, 'x');
  for (int i = 0; i < 20; ++i) push->push(part);
  EXPECT_GE(push->losses().reports, 11U) << "32 MB may wait";
  std::string all;
  for (int i = 0; i < 10; ++i) all += part;
  push->push(all);
  EXPECT_GE(push->losses().reports, 20U);
}

TEST_F(OtlpPushing, CollectorThatComesLateGetsWhatWaits) {
  Collector collector(Collector::always(http_answer("200 OK")));
  const auto push = push_to(collector.url());
  for (int i = 0; i < 5; ++i) push->push(std::to_string(i));
  ASSERT_TRUE(says_something());
  collector.open();
  const auto posts = collector.posts(5);
  ASSERT_EQ(posts.size(), 5U);
  for (std::size_t i = 0; i < posts.size(); ++i) EXPECT_EQ(posts[i].body, std::to_string(i));
}

TEST_F(OtlpPushing, LastReportIsTriedWithoutPauses) {
  Collector collector([](int fd, std::size_t number) {
    return test::send_all(
        fd, number == 0 ? http_answer("503 Service Unavailable", "", "Retry-After: 300\r\n")
                        : http_answer("200 OK"));
  });
  collector.open();
  const auto push = push_to(collector.url());
  push->push("first");
  ASSERT_EQ(collector.posts(1).size(), 1U);
  push->push("last");
  push->finish();
  EXPECT_EQ(collector.posts(0).size(), 3U);
  EXPECT_EQ(push->losses().reports, 0U);
}

TEST_F(OtlpPushing, CollectorThatNeverAnswersDoesNotHoldUpTheEnd) {
  Collector collector(Collector::never_answer);
  collector.open();
  const auto push = push_to(collector.url(), {.version = {}, .patience = 10min});
  push->push("x");
  ASSERT_EQ(collector.posts(1).size(), 1U);
  const auto before = std::chrono::steady_clock::now();
  push->finish();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1min);
  EXPECT_EQ(push->losses().reports, 1U);
  EXPECT_NE(said().find("no answer in time"), std::string::npos) << said();
}

TEST_F(OtlpPushing, SlowCollectorIsGivenUpAndTriedAgain) {
  Collector collector([](int fd, std::size_t number) {
    return number == 0 ? Collector::never_answer(fd, number)
                       : test::send_all(fd, http_answer("200 OK"));
  });
  collector.open();
  const auto push = push_to(collector.url(), {.version = {}, .patience = 200ms});
  push->push("x");
  ASSERT_EQ(collector.posts(2).size(), 2U);
  push->finish();
  EXPECT_EQ(push->losses().reports, 0U);
}

// A proxy may hang up on what it cannot read.
class CollectorWithATaste : public Collector {
 public:
  CollectorWithATaste()
      : Collector([this](int fd, std::size_t number) {
          return posts(0)[number].body != "poison" && test::send_all(fd, http_answer("200 OK"));
        }) {
    open();
  }
};

TEST_F(OtlpPushing, ReportThatIsHungUpOnHoldsUpNoOthers) {
  CollectorWithATaste collector;
  const auto push = push_to(collector.url(), {.version = {}, .waits_for_room = true});
  push->push("poison");
  push->push("one");
  push->push("two");
  push->finish();
  std::vector<std::string> bodies;
  for (const auto& post : collector.posts(0)) bodies.push_back(post.body);
  EXPECT_EQ(bodies, (std::vector<std::string>{"poison", "poison", "poison", "one", "two"}));
  EXPECT_EQ(push->losses().reports, 1U);
  EXPECT_NE(said().find("1 of 3 reports did not reach"), std::string::npos) << said();
}

TEST_F(OtlpPushing, NorAtTheEnd) {
  CollectorWithATaste collector;
  const auto push = push_to(collector.url());
  push->push("poison");
  ASSERT_EQ(collector.posts(1).size(), 1U);
  push->push("last");
  push->finish();
  EXPECT_EQ(collector.posts(0).back().body, "last");
  EXPECT_EQ(push->losses().reports, 1U);
}

TEST_F(OtlpPushing, NonsenseIsALoss) {
  push_one_at("SSH-2.0-OpenSSH_9.2\r\n", "");
  EXPECT_NE(said().find("it does not speak HTTP"), std::string::npos) << said();
}

TEST_F(OtlpPushing, HangingUpIsALoss) {
  push_one_at("", "");
  EXPECT_NE(said().find("it hung up without an answer"), std::string::npos) << said();
}

constexpr std::size_t kLittle = 100'000'000;  // sockets have buffers

TEST_F(OtlpPushing, EndlessHeaderIsCutOff) {
  EXPECT_LT(push_one_at("HTTP/1.1 200 OK\r\nX: ", std::string(65'536, 'x')), kLittle);
}

TEST_F(OtlpPushing, EndlessBodiesAreCutOff) {
  const std::string part(65'536, 'x');
  EXPECT_LT(push_one_at("HTTP/1.1 200 OK\r\n\r\n", part), kLittle);
  EXPECT_LT(push_one_at("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", part), kLittle);
  EXPECT_LT(push_one_at("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                        "10000\r\n" + part + "\r\n"),
            kLittle);
  EXPECT_NE(said().find("its answer is too long"), std::string::npos) << said();
}

TEST_F(OtlpPushing, EndlessLineBetweenChunksIsCutOff) {
  EXPECT_LT(push_one_at("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                        std::string(65'536, 'f')),
            kLittle);
}

TEST_F(OtlpPushing, WaitsForRoomWhereReportsComeFasterThanTheyWereMade) {
  Collector collector(Collector::always(http_answer("200 OK")));
  collector.open();
  const auto push = push_to(collector.url(), {.version = {}, .waits_for_room = true});
  constexpr std::size_t kMany = 500;
  for (std::size_t i = 0; i < kMany; ++i) push->push("x");
  push->finish();
  EXPECT_EQ(collector.posts(kMany).size(), kMany);
  EXPECT_EQ(push->losses().reports, 0U);
}

TEST_F(OtlpPushing, OneBadAnswerLosesNothingWhereItWaitsForRoom) {
  Collector collector([](int fd, std::size_t number) {
    return test::send_all(
        fd, number == 20 ? http_answer("503 Service Unavailable") : http_answer("200 OK"));
  });
  collector.open();
  const auto push = push_to(collector.url(), {.version = {}, .waits_for_room = true});
  constexpr std::size_t kMany = 200;
  for (std::size_t i = 0; i < kMany; ++i) push->push("x");
  push->finish();
  EXPECT_EQ(collector.posts(kMany + 1).size(), kMany + 1);
  EXPECT_EQ(push->losses().reports, 0U);
}

TEST_F(OtlpPushing, DoesNotWaitForACollectorThatIsDown) {
  const Collector down(Collector::never_answer);
  const auto push = push_to(down.url(), {.version = {}, .waits_for_room = true});
  for (int i = 0; i < 500; ++i) push->push("x");
  push->finish();
  EXPECT_EQ(push->losses().reports, 500U);
}

TEST_F(OtlpPushing, NamesAreLookedUp) {
  Collector collector(Collector::always(http_answer("200 OK")));
  collector.open();
  const auto push = push_to(collector.url("localhost"));
  push->push("x");
  EXPECT_EQ(collector.posts(1).size(), 1U);
}

TEST_F(OtlpPushing, NameWithoutACollectorIsALoss) {
  const Collector down(Collector::never_answer);
  const auto push = push_to(down.url("localhost"));
  push->push("x");
  push->finish();
  EXPECT_EQ(push->losses().reports, 1U);
  EXPECT_NE(said().find("Connection refused"), std::string::npos) << said();
}

// Whether a server says so or none answers.
TEST_F(OtlpPushing, NameThatNobodyHasIsALoss) {
  const auto push = push_to("http://collector.invalid", {.version = {}, .patience = 500ms});
  push->push("x");
  ASSERT_TRUE(says_something());
  push->finish();
  EXPECT_EQ(push->losses().reports, 1U);
  EXPECT_NE(said().find(": cannot look up collector.invalid: "), std::string::npos) << said();
}

TEST_F(OtlpPushing, GoesWithoutHavingPushed) {
  push_to("http://127.0.0.1:1")->finish();
  EXPECT_EQ(said(), "");
}

}  // namespace
}  // namespace cw
