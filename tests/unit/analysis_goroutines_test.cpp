#include "analysis/goroutines.h"

#include <gtest/gtest.h>

#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

// Of a lock on which 8 goroutines waited 400 times for 2 ms each, seen half of five seconds.
Word seen_word() {
  Word word =
      WordOf{.op = kGoroutineWaits, .waits = 400, .each = 2 * kMs, .busy = kSecond, .threads = 8}
          .make();
  word.wakes = 400;
  word.charged_ns = 800 * kMs;
  word.wake_sites.push_back(
      {.image = kImage, .stack = 5, .op = kGoroutineWaits, .wakes = 400, .charged_ns = 800 * kMs});
  return word;
}

Interval interval_with(Word word) {
  Interval interval;
  interval.begin_ns = kBegin;
  interval.end_ns = kEnd;
  interval.grown.push_back(std::move(word));
  return interval;
}

TEST(Goroutines, WhatWasSeenInAPartStandsForAll) {
  Interval interval = interval_with(seen_word());
  extrapolate_goroutines(interval, {{kImage, 0.25}});
  const Word& word = interval.grown.front();
  EXPECT_EQ(completed(word), 1600U);
  EXPECT_EQ(word.wait_hist.count(), 1600U);
  EXPECT_EQ(word.waiting_ns, 3200 * kMs);
  EXPECT_EQ(word.wait_ns, 3200 * kMs);
  EXPECT_EQ(word.busy_ns, 4 * kSecond);
  EXPECT_EQ(word.distinct, 8U) << "no more goroutines than were met";
  EXPECT_EQ(word.wait_sites.front().waits, 1600U);
  EXPECT_EQ(word.wake_sites.front().charged_ns, 3200 * kMs);
  EXPECT_NEAR(static_cast<double>(goroutine_wait_ns(interval, kImage)), 2 * kMs, kMs / 4.0);
}

TEST(Goroutines, NobodyWaitsLongerThanTheInterval) {
  Interval interval = interval_with(seen_word());
  extrapolate_goroutines(interval, {{kImage, 0.1}});
  EXPECT_EQ(interval.grown.front().busy_ns, kEnd - kBegin);
}

TEST(Goroutines, ThreadsWereSeenAllTheTime) {
  Interval interval = interval_with(WordOf{.waits = 10, .each = kMs}.make());
  extrapolate_goroutines(interval, {{kImage, 0.1}});
  EXPECT_EQ(completed(interval.grown.front()), 10U);
  EXPECT_EQ(goroutine_wait_ns(interval, kImage), 0U);
}

TEST(Goroutines, NothingIsMadeOfWhatWasNotSeen) {
  for (const double share : {0.0, -1.0, 1.0, 2.0}) {
    Interval interval = interval_with(seen_word());
    extrapolate_goroutines(interval, {{kImage, share}});
    EXPECT_EQ(completed(interval.grown.front()), 400U) << share;
  }
}

TEST(Goroutines, OtherProgramsHaveSharesOfTheirOwn) {
  Interval interval = interval_with(seen_word());
  extrapolate_goroutines(interval, {{kImage + 1, 0.25}});
  EXPECT_EQ(completed(interval.grown.front()), 400U);
  EXPECT_EQ(goroutine_wait_ns(interval, kImage + 1), 0U);
}

// A thousand waits of 1 ms and one of a second: half of the time is the one's.
TEST(Goroutines, LongWaitsCountAsOftenAsTheyAreLong) {
  Word word = seen_word();
  word.wait_hist = {};
  word.wait_hist.add(bucket_of(kMs), 1'000);
  word.wait_hist.add(bucket_of(kSecond), 1);
  const Interval interval = interval_with(word);
  EXPECT_NEAR(static_cast<double>(goroutine_wait_ns(interval, kImage)), 0.5 * kSecond,
              0.1 * kSecond);
}

}  // namespace
}  // namespace cw
