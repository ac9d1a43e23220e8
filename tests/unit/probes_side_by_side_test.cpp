#include "probes/side_by_side.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

namespace cw {
namespace {

TEST(SideBySide, MakesEachCallOnce) {
  for (const std::size_t count : {0, 1, 2, 31, 32, 33, 500}) {
    std::vector<std::atomic<int>> calls(count);
    side_by_side(count, [&](std::size_t i) { calls[i]++; });
    for (const auto& made : calls) EXPECT_EQ(made, 1) << count;
  }
}

// Each call waits for all the others: one after another they would never end.
TEST(SideBySide, CallsRunAtTheSameTime) {
  std::latch all(8);
  side_by_side(8, [&](std::size_t) { all.arrive_and_wait(); });
}

}  // namespace
}  // namespace cw
