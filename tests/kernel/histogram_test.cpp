// The kernel side and model/histogram.h must agree on the buckets.
#include <gtest/gtest.h>

#include "child_process.h"
#include "watch.h"

namespace cw::test {
namespace {

// With one wait an interval, the bucket that grew is known from the exact sum.
TEST(KernelHistogram, BucketIsThatOfTheModel) {
  for (const char* wait_ms : {"1", "3", "17", "60"}) {
    Workload workload({"ops", "timed_wait", "1", wait_ms});
    Watch watch(workload.pid());
    workload.run();
    const Word word = word_at(watch.interval(), workload.pid(), workload.address("word"));
    ASSERT_EQ(word.wait_hist.buckets().size(), 1U);
    EXPECT_EQ(word.wait_hist.buckets().begin()->first, bucket_of(word.wait_ns)) << word.wait_ns;
  }
}

}  // namespace
}  // namespace cw::test
