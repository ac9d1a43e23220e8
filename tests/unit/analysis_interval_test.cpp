#include "analysis/interval.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

TEST(Difference, OfASnapshotWithItselfIsEmpty) {
  Snapshot snapshot =
      snapshot_at(kBegin, {WordOf{.waits = 100, .each = kMs, .busy = kSecond}.make()});
  snapshot.losses = {.waits = 1, .stacks = 2, .events = 3, .map_full = 4};
  const Interval interval = difference(snapshot, snapshot);
  EXPECT_EQ(interval.length_ns(), 0U);
  EXPECT_TRUE(interval.grown.empty());
  EXPECT_EQ(interval.losses, Losses{});
}

TEST(Difference, SubtractsEveryCounter) {
  Word before = WordOf{.waits = 100, .each = kMs, .busy = kSecond}.make();
  Word after = WordOf{.waits = 160, .each = kMs, .busy = 2 * kSecond}.make();
  before.timed_out = 3;
  after.timed_out = 5;
  before.wait_sites[0].waits = 103;
  after.wait_sites[0].waits = 165;
  before.runnable_ns = 10;
  after.runnable_ns = 17;
  before.wake_sites = {{.image = kImage, .stack = 5, .op = 0x81, .wakes = 4, .charged_ns = 40}};
  after.wake_sites = {{.image = kImage, .stack = 5, .op = 0x81, .wakes = 6, .charged_ns = 70}};
  after.waiters = 2;
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  ASSERT_EQ(interval.grown.size(), 1U);
  const Word& word = interval.grown.front();
  EXPECT_EQ(word.woken, 60U);
  EXPECT_EQ(word.timed_out, 2U);
  EXPECT_EQ(word.wait_ns, 60 * kMs);
  EXPECT_EQ(word.waiting_ns, 60 * kMs);
  EXPECT_EQ(word.busy_ns, kSecond);
  EXPECT_EQ(word.runnable_ns, 7U);
  EXPECT_EQ(word.waiters, 2U) << "of the moment, not a difference";
  EXPECT_EQ(word.wait_hist.count(), 60U);
  ASSERT_EQ(word.wait_sites.size(), 1U);
  EXPECT_EQ(word.wait_sites[0].waits, 62U);
  ASSERT_EQ(word.wake_sites.size(), 1U);
  EXPECT_EQ(word.wake_sites[0].wakes, 2U);
  EXPECT_EQ(word.wake_sites[0].charged_ns, 30U);
  EXPECT_EQ(completed(word), 62U);
}

// A wait that ended while the maps were read is counted once, in the interval whose histogram has
// it, and its outcome coming later is no sign that the word was forgotten.
TEST(Difference, CountsAWaitOnceWhoseOutcomeComesLate) {
  const Word first = WordOf{.waits = 10, .each = kMs}.make();
  Word second = WordOf{.waits = 21, .each = kMs}.make();
  second.woken = 20;
  second.unsettled = 1;
  const Word third = WordOf{.waits = 30, .each = kMs}.make();
  const Interval early = difference(snapshot_at(kBegin, {first}), snapshot_at(kEnd, {second}));
  ASSERT_EQ(early.grown.size(), 1U);
  EXPECT_EQ(completed(early.grown[0]), 11U);
  EXPECT_EQ(early.grown[0].wait_hist.count(), 11U);
  const Interval late = difference(snapshot_at(kBegin, {second}), snapshot_at(kEnd, {third}));
  ASSERT_EQ(late.grown.size(), 1U);
  EXPECT_EQ(completed(late.grown[0]), 9U);
  EXPECT_EQ(late.grown[0].wait_hist.count(), 9U);
}

TEST(Difference, CountsANewWordFromZeroAndDropsOneThatIsGone) {
  const Word gone = WordOf{.id = 1, .waits = 5, .each = kMs}.make();
  const Word born = WordOf{.id = 2, .address = 0x2000, .waits = 7, .each = kMs}.make();
  const Interval interval = difference(snapshot_at(kBegin, {gone}), snapshot_at(kEnd, {born}));
  ASSERT_EQ(interval.grown.size(), 1U);
  EXPECT_EQ(interval.grown[0].id, 2U);
  EXPECT_EQ(interval.grown[0].woken, 7U);
}

TEST(Difference, CountsAWordThatWasForgottenFromZero) {
  const Word before = WordOf{.waits = 100, .each = kMs, .busy = 4 * kSecond}.make();
  const Word after = WordOf{.waits = 3, .each = kMs, .busy = kMs}.make();
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  ASSERT_EQ(interval.grown.size(), 1U);
  EXPECT_EQ(interval.grown[0].woken, 3U);
  EXPECT_EQ(interval.grown[0].wait_ns, 3 * kMs);
  EXPECT_EQ(interval.grown[0].wait_hist.count(), 3U);
  ASSERT_EQ(interval.grown[0].wait_sites.size(), 1U);
  EXPECT_EQ(interval.grown[0].wait_sites[0].waits, 3U);
}

TEST(Difference, AnIdThatNamesAnotherWordCountsFromZero) {
  const Word before = WordOf{.address = 0x1000, .waits = 5, .each = kMs}.make();
  const Word after = WordOf{.address = 0x9000, .waits = 6, .each = kMs}.make();
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  ASSERT_EQ(interval.grown.size(), 1U);
  EXPECT_EQ(interval.grown[0].woken, 6U);
}

TEST(Difference, NothingIsNegativeAndBusyStaysInsideTheInterval) {
  Word before = WordOf{.waits = 10, .each = kMs}.make();
  const Word after = WordOf{.waits = 11, .each = kMs, .busy = 60 * kSecond}.make();
  before.waiting_ns = after.waiting_ns + 50;  // read while it was updated
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  ASSERT_EQ(interval.grown.size(), 1U);
  EXPECT_EQ(interval.grown[0].waiting_ns, 0U);
  EXPECT_EQ(interval.grown[0].busy_ns, kEnd - kBegin);
}

TEST(Difference, KeepsAWordThatOnlyHasAWaitInProgress) {
  Word word;
  word.id = 1;
  Snapshot after = snapshot_at(kEnd, {word});
  EXPECT_TRUE(difference(snapshot_at(kBegin, {word}), after).grown.empty());
  after.in_progress = {wait_on(1, 71, kBegin - kSecond)};
  EXPECT_EQ(difference(snapshot_at(kBegin, {word}), after).grown.size(), 1U);
}

TEST(Difference, RemembersWhatAWordShowedBefore) {
  const Word word = WordOf{.waits = 10, .each = kMs, .repeats = 8}.make();
  Word later = word;
  later.waiters = 1;
  const Interval quiet = difference(snapshot_at(kBegin, {word}), snapshot_at(kEnd, {later}));
  ASSERT_TRUE(quiet.earlier.contains(1));
  EXPECT_EQ(quiet.earlier.at(1).repeats, 8U);
  later.woken += 1;
  const Interval busy = difference(snapshot_at(kBegin, {word}), snapshot_at(kEnd, {later}));
  EXPECT_FALSE(busy.earlier.contains(1)) << "the interval speaks for itself";
}

// Many stacks on one word, in another order in the second snapshot.
TEST(Difference, FindsSitesWhateverTheirOrder) {
  Word before = WordOf{.waits = 2000, .each = 10}.make();
  Word after = WordOf{.waits = 2100, .each = 10}.make();
  before.wait_sites.clear();
  after.wait_sites.clear();
  for (StackId stack = 1; stack <= 200; ++stack) {
    WaitSite site{.image = kImage,
                  .stack = stack,
                  .op = kWaitPrivate,
                  .value = ValueClass::kTwo,
                  .waits = 10,
                  .wait_ns = 100,
                  .on_own_stack = 0};
    before.wait_sites.push_back(site);
    site.waits += stack % 2;
    after.wait_sites.push_back(site);
  }
  std::ranges::reverse(after.wait_sites);
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  const auto& sites = interval.grown.front().wait_sites;
  EXPECT_EQ(sites.size(), 100U);
  EXPECT_TRUE(std::ranges::all_of(
      sites, [](const WaitSite& site) { return site.waits == 1 && site.stack % 2 == 1; }));
}

// Of a word of which an interval took no stack, those of before speak.
TEST(Difference, SitesOfBeforeStandForWaitsWhoseStacksWereNotTaken) {
  const Word before = WordOf{.waits = 100, .each = kMs}.make();
  Word after = WordOf{.waits = 130, .each = kMs}.make();
  after.wait_sites = before.wait_sites;
  const Interval interval = difference(snapshot_at(kBegin, {before}), snapshot_at(kEnd, {after}));
  ASSERT_EQ(interval.grown.front().wait_sites.size(), 1U);
  EXPECT_EQ(interval.grown.front().wait_sites[0].waits, 30U);
  EXPECT_EQ(interval.grown.front().wait_sites[0].wait_ns, 30 * kMs);
}

TEST(Difference, TakesLossesAndEndedThreadsAsDifferences) {
  Snapshot before = snapshot_at(kBegin);
  Snapshot after = snapshot_at(kEnd);
  before.losses = {.waits = 1, .stacks = 9, .events = 0, .map_full = 2};
  after.losses = {.waits = 4, .stacks = 9, .events = 1, .map_full = 1};
  before.images[kImage].exited_cpu_ns = 100;
  after.images[kImage].exited_cpu_ns = 160;
  after.images[kImage].ended_ns = kEnd - 1;
  const Interval interval = difference(before, after);
  EXPECT_EQ(interval.losses, (Losses{.waits = 3, .stacks = 0, .events = 1, .map_full = 0}));
  EXPECT_EQ(interval.images.at(kImage).exited_cpu_ns, 60U);
  EXPECT_EQ(interval.images.at(kImage).ended_ns, kEnd - 1);
}

TEST(Interval, CountsOnlyThePartOfAWaitInsideIt) {
  const Interval interval = interval_of({});
  EXPECT_EQ(inside_ns(interval, wait_on(1, 71, kBegin - kSecond)), kEnd - kBegin);
  EXPECT_EQ(inside_ns(interval, wait_on(1, 71, kEnd - kSecond)), kSecond);
  EXPECT_EQ(inside_ns(interval, wait_on(1, 71, kEnd + kSecond)), 0U);
}

}  // namespace
}  // namespace cw
