#include "analysis/thresholds.h"

#include <gtest/gtest.h>

#include <limits>

namespace cw {
namespace {

TEST(Thresholds, AreThoseOfTheContract) {
  const Thresholds thresholds;
  EXPECT_EQ(thresholds.lock_waiters_suspect, 0.1);
  EXPECT_EQ(thresholds.lock_waiters_culprit, 0.5);
  EXPECT_EQ(thresholds.lock_busy_suspect, 0.1);
  EXPECT_EQ(thresholds.lock_busy_culprit, 0.5);
  EXPECT_TRUE(validate(thresholds));
}

TEST(Thresholds, AreSetByName) {
  Thresholds thresholds;
  ASSERT_TRUE(set(thresholds, "lock.waiters.suspect", 1));
  ASSERT_TRUE(set(thresholds, "lock.waiters.culprit", 2));
  ASSERT_TRUE(set(thresholds, "lock.busy.suspect", 0));
  ASSERT_TRUE(set(thresholds, "lock.busy.culprit", 0.25));
  EXPECT_EQ(thresholds.lock_waiters_suspect, 1);
  EXPECT_EQ(thresholds.lock_waiters_culprit, 2);
  EXPECT_EQ(thresholds.lock_busy_suspect, 0);
  EXPECT_EQ(thresholds.lock_busy_culprit, 0.25);
}

TEST(Thresholds, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  Thresholds thresholds;
  const Result<void> result = set(thresholds, "lock.waiter.suspect", 1);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().exit, Exit::kUsage);
  EXPECT_NE(result.error().message.find("lock.busy.culprit"), std::string::npos);
}

TEST(Thresholds, TakeOnlyNumbersFromZeroUp) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {-0.1, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
    Thresholds thresholds;
    const Result<void> result = set(thresholds, "lock.busy.suspect", value);
    ASSERT_FALSE(result) << value;
    EXPECT_EQ(result.error().exit, Exit::kUsage);
    EXPECT_EQ(thresholds.lock_busy_suspect, 0.1) << "left as it was";
  }
}

TEST(Thresholds, ASuspectMayNotNeedMoreThanACulprit) {
  Thresholds waiters;
  waiters.lock_waiters_suspect = 0.6;
  ASSERT_FALSE(validate(waiters));
  EXPECT_EQ(validate(waiters).error().exit, Exit::kUsage);
  Thresholds busy;
  busy.lock_busy_culprit = 0.05;
  ASSERT_FALSE(validate(busy));
  EXPECT_NE(validate(busy).error().message.find("lock.busy"), std::string::npos);
}

}  // namespace
}  // namespace cw
