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
  extrapolate_goroutines(interval, 0.25);
  const Word& word = interval.grown.front();
  EXPECT_EQ(completed(word), 1600U);
  EXPECT_EQ(word.wait_hist.count(), 1600U);
  EXPECT_EQ(word.waiting_ns, 3200 * kMs);
  EXPECT_EQ(word.wait_ns, 3200 * kMs);
  EXPECT_EQ(word.busy_ns, 4 * kSecond);
  EXPECT_EQ(word.distinct, 8U) << "no more goroutines than were met";
  EXPECT_EQ(word.wait_sites.front().waits, 1600U);
  EXPECT_EQ(word.wake_sites.front().charged_ns, 3200 * kMs);
  EXPECT_EQ(goroutine_wait_ns(interval), 2 * kMs);
}

TEST(Goroutines, NobodyWaitsLongerThanTheInterval) {
  Interval interval = interval_with(seen_word());
  extrapolate_goroutines(interval, 0.1);
  EXPECT_EQ(interval.grown.front().busy_ns, kEnd - kBegin);
}

TEST(Goroutines, ThreadsWereSeenAllTheTime) {
  Interval interval = interval_with(WordOf{.waits = 10, .each = kMs}.make());
  extrapolate_goroutines(interval, 0.1);
  EXPECT_EQ(completed(interval.grown.front()), 10U);
  EXPECT_EQ(goroutine_wait_ns(interval), 0U);
}

TEST(Goroutines, NothingIsMadeOfWhatWasNotSeen) {
  for (const double share : {0.0, -1.0, 1.0, 2.0}) {
    Interval interval = interval_with(seen_word());
    extrapolate_goroutines(interval, share);
    EXPECT_EQ(completed(interval.grown.front()), 400U) << share;
  }
}

TEST(Goroutines, WhereNoWaitEndedTheLongestTells) {
  Interval interval = interval_with(WordOf{.op = kGoroutineWaits, .waits = 0}.make());
  interval.in_progress.push_back({.tid = kGoroutine | 7, .start_ns = kEnd - 3 * kSecond});
  interval.in_progress.push_back({.tid = 8, .start_ns = kEnd - 5 * kSecond});
  EXPECT_EQ(goroutine_wait_ns(interval), 3 * kSecond);
}

}  // namespace
}  // namespace cw
