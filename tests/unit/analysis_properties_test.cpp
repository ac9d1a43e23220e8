// What must hold of every report, whatever happened: on random words, the same each time.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "analysis/analyse.h"
#include "analysis/lock_sums.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using test::FakeSymbolizer;
using test::interval_of;
using test::kSecond;
using test::kUs;
using test::sample_of;
using test::WordOf;

constexpr double kInterval = 5;
constexpr int kTries = 300;

class RandomNumbers {
 public:
  std::uint64_t up_to(std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(engine_);
  }

 private:
  std::mt19937_64 engine_{11};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
};

// Waits that may be many or none, long or short, with wakes that explain them or not.
Word random_word(RandomNumbers& random, WordId id) {
  const std::uint64_t waits = random.up_to(20'000);
  const std::uint64_t each = 1 + random.up_to(400) * kUs;
  Word word = WordOf{.id = id,
                     .address = 0x1000 + 64 * id,
                     .waits = waits,
                     .each = each,
                     .busy = std::min(waits * each, random.up_to(5 * kSecond)),
                     .threads = 1 + random.up_to(12)}
                  .make();
  word.runnable_ns = random.up_to(2 * word.wait_ns);
  word.charged_ns = random.up_to(word.waiting_ns);
  for (StackId stack = 31; stack < 31 + random.up_to(3); ++stack)
    word.wake_sites.push_back({.image = test::kImage,
                               .stack = stack,
                               .op = 0x81,
                               .wakes = random.up_to(waits),
                               .charged_ns = word.charged_ns / 3});
  return word;
}

LockSections random_sections(RandomNumbers& random, std::uint64_t address) {
  LockSections seen;
  seen.pid = test::kPid;
  seen.image = test::kImage;
  seen.address = address;
  const auto rate = static_cast<double>(1 + random.up_to(200'000));
  const auto hold = static_cast<double>(1 + random.up_to(100'000));
  seen.acquisitions_per_s = {.estimate = rate, .low = 0.9 * rate, .high = 1.2 * rate};
  seen.hold_mean_ns = {.estimate = hold, .low = 0.8 * hold, .high = 1.1 * hold};
  seen.contended_share = static_cast<double>(random.up_to(100)) / 100;
  seen.threads = 1 + random.up_to(16);
  const double first = static_cast<double>(random.up_to(100)) / 100;
  seen.holders = {{.stack = 31,
                   .share = first,
                   .held_ns = std::vector<double>(6, first),
                   .acquisitions_per_s = rate * first,
                   .hold = {}},
                  {.stack = 32,
                   .share = 1 - first,
                   .held_ns = std::vector<double>(6, 1 - first),
                   .acquisitions_per_s = rate * (1 - first),
                   .hold = {}}};
  return seen;
}

Report random_report(RandomNumbers& random, FakeSymbolizer& symbols) {
  std::vector<Word> words;
  std::vector<LockSections> sections;
  for (WordId id = 1; id <= 1 + random.up_to(6); ++id) {
    words.push_back(random_word(random, id));
    if (random.up_to(1) != 0) sections.push_back(random_sections(random, words.back().key.address));
  }
  Memory memory;
  Report report = analyse(interval_of(words), {sample_of(8)}, {sample_of(8)}, {}, memory, symbols);
  report.cpus = static_cast<double>(1 + random.up_to(63));
  add_lock_sums(report, sections, 10, symbols);
  return report;
}

template <typename Check>
void for_random_locks(Check check) {
  RandomNumbers random;
  FakeSymbolizer symbols;
  symbols.add_stack(11, {"pthread_mutex_lock", "orders::settle"});
  symbols.add_stack(31, {"pthread_mutex_unlock", "orders::lookup"});
  symbols.add_stack(32, {"pthread_mutex_unlock", "orders::refresh"});
  for (int i = 0; i < kTries; ++i)
    for (const LockReport& lock : random_report(random, symbols).locks) check(lock);
}

TEST(Properties, NoSumIsNegative) {
  for_random_locks([](const LockReport& lock) {
    for (const double sum :
         {lock.waits_per_s, lock.waiters_mean, lock.runnable_mean, lock.busy_share,
          lock.unattributed_share, lock.waiters_mean - lock.runnable_mean})
      EXPECT_GE(sum, 0);
    EXPECT_LE(lock.busy_share, 1);
    if (!lock.sections) return;
    const SectionsReport& sections = *lock.sections;
    EXPECT_GE(sections.utilisation.value_or(0), 0);
    EXPECT_LE(sections.utilisation.value_or(0), 1);
    EXPECT_GE(sections.acquisitions_per_s->low, 0);
    for (const WhatIf& line : sections.what_if) {
      EXPECT_GE(line.low, 0);
      EXPECT_LE(line.low, line.predicted_per_s);
      EXPECT_LE(line.predicted_per_s, line.high);
    }
  });
}

TEST(Properties, SharesAddUpToOneAtMost) {
  for_random_locks([](const LockReport& lock) {
    double waiting = 0;
    for (const Waiters& waiters : lock.waiters) waiting += waiters.share;
    EXPECT_NEAR(waiting, lock.wait.sum_ns == 0 ? 0 : 1, 1e-9);
    double charged = 0;
    for (const Releasers& releasers : lock.releasers) charged += releasers.share;
    EXPECT_TRUE(charged < 1e-9 || std::abs(charged - 1) < 1e-9) << charged;
    if (!lock.sections) return;
    double held = 0;
    for (const Holders& holders : lock.sections->holders) held += holders.share;
    EXPECT_NEAR(held, 1, 1e-9);
  });
}

// In a steady state: nobody waits at either end.
TEST(Properties, WaitingIsRateTimesWait) {
  for_random_locks([](const LockReport& lock) {
    if (lock.waits == 0) return;
    const double wait_s =
        static_cast<double>(lock.wait.sum_ns) / 1e9 / static_cast<double>(lock.waits);
    EXPECT_NEAR(lock.waits_per_s * wait_s, lock.waiters_mean, 1e-9 + 1e-6 * lock.waiters_mean);
  });
}

TEST(Properties, MoreWaitingNeverLowersTheLevel) {
  FakeSymbolizer symbols;
  for (const std::uint64_t each : {1, 5, 20, 100})
    for (Level before = Level::kFine;
         const std::uint64_t waits : {0, 100, 1'000, 10'000, 50'000, 200'000, 1'000'000}) {
      Memory memory;
      const Word word =
          WordOf{
              .waits = waits, .each = each * kUs, .busy = std::min(waits * each * kUs, 5 * kSecond)}
              .make();
      const Report report =
          analyse(interval_of({word}), {sample_of(8)}, {sample_of(8)}, {}, memory, symbols);
      const Level level = report.locks.empty() ? Level::kFine : report.locks[0].level;
      EXPECT_GE(level, before) << waits << " waits of " << each << " us";
      EXPECT_EQ(report.verdict.level, level);
      before = level;
    }
}

}  // namespace
}  // namespace cw
