#include "model/histogram.h"

#include <gtest/gtest.h>

#include <limits>

namespace cw {
namespace {

TEST(Histogram, BucketsCoverEveryValueOnce) {
  for (std::uint32_t bucket = 0; bucket < 495; ++bucket)
    EXPECT_EQ(bucket_upper(bucket) + 1, bucket_lower(bucket + 1)) << bucket;
  EXPECT_EQ(bucket_upper(495), std::numeric_limits<std::uint64_t>::max());
  for (std::uint64_t value = 1; value < std::uint64_t{1} << 60U; value = value * 3 + 1) {
    const std::uint32_t bucket = bucket_of(value);
    EXPECT_LE(bucket_lower(bucket), value);
    EXPECT_GE(bucket_upper(bucket), value);
  }
}

TEST(Histogram, PercentilesStayWithinTheBucketsError) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.add(bucket_of(value), 1);
  for (const double share : {0.5, 0.9, 0.99}) {
    const double exact = share * 100'000;
    EXPECT_NEAR(static_cast<double>(histogram.percentile(share)), exact, exact / 8);
  }
  EXPECT_LE(histogram.percentile(1), histogram.max());
  EXPECT_EQ(Histogram().percentile(0.5), 0U);
  EXPECT_EQ(Histogram().max(), 0U);
}

TEST(Histogram, SinceLeavesOnlyWhatGrew) {
  Histogram before;
  before.add(10, 5);
  before.add(11, 5);
  Histogram after = before;
  after.add(11, 2);
  const Histogram grown = after.since(before);
  EXPECT_EQ(grown.count(), 2U);
  EXPECT_EQ(grown.buckets().begin()->first, 11U);
  EXPECT_TRUE(after.since(after).empty());
}

}  // namespace
}  // namespace cw
