// Objects that are only summed up: everything is still in the sums.
#include "analysis/background.h"

#include <gtest/gtest.h>

#include "analysis/analyse.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

Snapshot many_words(WordId count, std::uint64_t each) {
  std::vector<Word> words;
  for (WordId id = 1; id <= count; ++id)
    words.push_back(
        WordOf{.id = id, .address = 0x10000 + id * 64, .waits = id, .each = each}.make());
  return snapshot_at(kEnd, words);
}

TEST(Background, KeepsThoseWithMostWaitingAndSumsUpTheRest) {
  const Interval interval = difference(snapshot_at(kBegin, {}), many_words(100, kMs));
  std::vector<LockObject> objects = group_words(interval);
  ASSERT_EQ(objects.size(), 100U);
  const Background background = set_apart(objects, 10, interval);
  ASSERT_EQ(objects.size(), 10U);
  for (const LockObject& object : objects) EXPECT_GT(object.words.front().word->id, 90U);
  NotListed others = background.locks();
  others += background.idle_waits();
  others += background.unsure;
  EXPECT_EQ(others.count, 90U);
  EXPECT_EQ(others.waits, 90U * 91 / 2);
  EXPECT_NEAR(others.waiters_mean * interval.length_s(), 90.0 * 91 / 2 / 1000, 1e-6);
}

// A thousand threads asleep through the whole interval must not hide the lock that counts.
TEST(Background, TiesDoNotPushOutWhatHasMore) {
  std::vector<Word> words;
  for (WordId id = 1; id <= 100; ++id)
    words.push_back(WordOf{.id = id, .address = 0x10000 + id * 64, .waits = 1, .each = kMs}.make());
  words.push_back(WordOf{.id = 101, .address = 0x100, .waits = 3, .each = kMs}.make());
  const Interval interval = difference(snapshot_at(kBegin, {}), snapshot_at(kEnd, words));
  std::vector<LockObject> objects = group_words(interval);
  set_apart(objects, 10, interval);
  ASSERT_EQ(objects.size(), 10U);
  EXPECT_EQ(objects.back().words.front().word->id, 101U);
}

TEST(Background, IsEmptyWhereAllAreLookedAt) {
  const Interval interval = difference(snapshot_at(kBegin, {}), many_words(10, kMs));
  std::vector<LockObject> objects = group_words(interval);
  const Background background = set_apart(objects, 10, interval);
  EXPECT_EQ(objects.size(), 10U);
  EXPECT_EQ(background.locks().count + background.idle_waits().count + background.unsure.count, 0U);
}

}  // namespace
}  // namespace cw
