// Critical sections of real processes, against what these count themselves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "app/observer.h"
#include "child_process.h"
#include "code_changes.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

struct Seen {
  std::vector<LockSections> sections;
  Fidelity fidelity;
  std::vector<std::string> not_seen;
  json truth;
  int exit = -1;

  [[nodiscard]] const LockSections* at(std::uint64_t address) const {
    const auto found = std::ranges::find(sections, address, &LockSections::address);
    return found == sections.end() ? nullptr : &*found;
  }
};

Settings only_locks(pid_t pid) {
  Settings settings;
  settings.pids = {pid};
  settings.observe = {.locks = true, .alloc = false, .memory = false};
  return settings;
}

// Watches a workload for some seconds; it works a little longer.
Seen watch(std::vector<std::string> work, int seconds) {
  constexpr int kLooksASecond = 4;
  Workload workload(std::move(work));
  Seen seen;
  auto observer = Observer::start(only_locks(workload.pid()));
  EXPECT_TRUE(observer) << observer.error().message;
  if (!observer) return seen;
  workload.go();
  for (int i = 0; i < seconds * kLooksASecond; ++i) {
    std::this_thread::sleep_for(milliseconds(1000 / kLooksASecond));
    EXPECT_TRUE((*observer)->look());
  }
  const auto report = (*observer)->report(true);
  EXPECT_TRUE(report);
  if (!report) return seen;
  seen.sections = (*observer)->sections();
  seen.fidelity = report->fidelity;
  seen.not_seen = report->verdict.not_seen;
  observer->reset();
  seen.truth = workload.expect("done");
  seen.exit = workload.finish();
  return seen;
}

std::vector<std::string> way(const std::string& name, int threads, int hold_us, int pause_us) {
  return {"sections",
          name,
          std::to_string(threads),
          "12",
          std::to_string(hold_us),
          std::to_string(pause_us)};
}
constexpr int kWatched = 9;  // seconds of these

// The truth lies in the interval; as the workload counts for a little longer than it is watched,
// and machines are never quite steady, give or take a twentieth.
bool covers(const Estimate& estimate, double truth) {
  return estimate.low <= truth * 1.05 && estimate.high >= truth * 0.95;
}

// In the same bucket as a value, or in one beside it; or so for something up to `too_long` less.
bool within_a_bucket(std::uint64_t seen, double truth, std::uint64_t too_long = 0) {
  const std::uint32_t truly = bucket_of(static_cast<std::uint64_t>(truth));
  return bucket_of(seen) + 1 >= truly && bucket_of(seen - std::min(seen, too_long)) <= truly + 1;
}

std::string describe(const LockSections& sections) {
  const Estimate& rate = sections.acquisitions_per_s;
  const Estimate& hold = sections.hold_mean_ns;
  return fmt::format(
      "{:.0f}/s [{:.0f}, {:.0f}] in {} windows of {:.3f} s, contended {:.3f}, reads {:.3f}, hold "
      "{:.0f} ns [{:.0f}, {:.0f}], median {} of {}, cut off {}",
      rate.estimate, rate.low, rate.high, sections.windows, sections.observed_s,
      sections.contended_share, sections.read_share, hold.estimate, hold.low, hold.high,
      sections.hold.histogram.percentile(0.5), sections.hold.count, sections.censored);
}

// What a hit costs is measured warm; in a program it is colder, by so much at most. Of a hold's two
// hits half of each lies in it.
constexpr std::uint64_t kColdNs = 800;

// Rate within a twentieth or its interval, mean hold likewise, median within a bucket. Each of
// `hits_within` hits in a hold costs up to kHitUnsureNs more than what is taken out for it.
bool fits(const LockSections& sections, const json& truth, int hits_within) {
  constexpr std::uint64_t kHitUnsureNs = 700;
  Estimate warm = sections.hold_mean_ns;
  warm.low -= kColdNs;
  return covers(sections.acquisitions_per_s, truth.at("per_s").get<double>()) &&
         covers(warm, truth.at("hold_mean_ns").get<double>()) &&
         within_a_bucket(sections.hold.histogram.percentile(0.5),
                         truth.at("hold_p50_ns").get<double>(),
                         static_cast<std::uint64_t>(hits_within) * kHitUnsureNs);
}

// An interval that covers 95 times of a hundred may miss once, but hardly twice.
Seen watch_until_it_fits(const std::vector<std::string>& work, int seconds = kWatched,
                         const std::function<int(const json&)>& hits_within = {}) {
  std::string missed;
  for (int tries = 0; tries < 2; ++tries) {
    Seen seen = watch(work, seconds);
    bool all = true;
    for (const json& lock : seen.truth.at("locks")) {
      const LockSections* sections = seen.at(as_address(lock.at("address")));
      const std::string line = (sections != nullptr ? describe(*sections) : "nothing") +
                               " but truly " + lock.dump() + "\n";
      std::cout << work[1] << ": " << line;
      if (sections != nullptr && fits(*sections, lock, hits_within ? hits_within(lock) : 0))
        continue;
      all = false;
      missed += line;
    }
    EXPECT_EQ(seen.exit, 0);
    if (all) return seen;
  }
  ADD_FAILURE() << "missed twice:\n" << missed;
  return {};
}

TEST(Sections, PlainMutex) {
  const Seen seen = watch_until_it_fits(way("plain", 4, 20, 100));
  ASSERT_FALSE(seen.sections.empty());
  const LockSections& lock = seen.sections.front();
  EXPECT_EQ(lock.threads, 4U);
  EXPECT_GT(lock.contended_share, 0.01);
  EXPECT_LT(lock.contended_share, 0.5);
  EXPECT_FALSE(lock.is_rwlock);
  ASSERT_FALSE(lock.holders.empty());
  double shares = 0;
  for (const SectionHolder& holder : lock.holders) shares += holder.share;
  EXPECT_NEAR(shares, 1, 1e-6);
}

class OtherKinds : public testing::TestWithParam<const char*> {};

TEST_P(OtherKinds, AreCountedAlike) {
  watch_until_it_fits(way(GetParam(), 4, 20, 100));
}
INSTANTIATE_TEST_SUITE_P(Sections, OtherKinds,
                         testing::Values("recursive", "try", "timed", "robust", "pi", "checked",
                                         "adaptive"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(Sections, ReadersAndWriters) {
  const Seen seen = watch_until_it_fits(way("rwlock", 4, 20, 100));
  ASSERT_FALSE(seen.sections.empty());
  EXPECT_TRUE(seen.sections.front().is_rwlock);
  EXPECT_NEAR(seen.sections.front().read_share, 0.75, 0.03);
}

// A wait on a condition is no hold, and what follows it is one of its own. That seems to begin when
// the wait ends, a little before the thread has the mutex again: more where it lacks a CPU then.
TEST(Sections, WaitsOnACondition) {
  std::string missed;
  for (int tries = 0; tries < 2; ++tries) {
    const Seen seen = watch(way("condition", 3, 20, 20), kWatched);
    const json& truth = seen.truth.at("locks")[0];
    const LockSections* lock = seen.at(as_address(truth.at("address")));
    ASSERT_NE(lock, nullptr);
    missed += describe(*lock) + " but truly " + truth.dump() + "\n";
    const auto mean = truth.at("hold_mean_ns").get<double>();
    if (covers(lock->acquisitions_per_s, truth.at("per_s").get<double>()) &&
        within_a_bucket(lock->hold.histogram.percentile(0.5),
                        truth.at("hold_p50_ns").get<double>()) &&
        lock->hold_mean_ns.estimate > 0.9 * mean && lock->hold_mean_ns.estimate < 1.4 * mean)
      return;
  }
  ADD_FAILURE() << missed;
}

// What the inner lock's probes cost is no part of the outer one's hold, in which that is taken four
// times.
TEST(Sections, Nested) {
  watch_until_it_fits(way("nested", 4, 40, 100), kWatched, [](const json& lock) {
    return lock.at("hold_p50_ns").get<double>() > 20'000 ? 2 * 4 : 0;
  });
}

// A process that hardly uses a CPU is looked at once in a second or two: it takes a while.
TEST(Sections, HeldAsleep) {
  const Seen seen = watch({"sections", "sleeping", "3", "28", "20000", "1000"}, 25);
  ASSERT_FALSE(seen.sections.empty());
  const LockSections& lock = seen.sections.front();
  const json& truth = seen.truth.at("locks")[0];
  SCOPED_TRACE(describe(lock) + " but truly " + truth.dump());
  EXPECT_TRUE(covers(lock.acquisitions_per_s, truth.at("per_s").get<double>()));
  EXPECT_TRUE(covers(lock.hold_mean_ns, truth.at("hold_mean_ns").get<double>()));
  EXPECT_GT(lock.contended_share, 0.8);
}

// Probes make such a process several times slower while a window is open.
TEST(Sections, NothingButTakingALock) {
  std::string missed;
  for (int tries = 0; tries < 2; ++tries) {
    const Seen seen = watch(way("plain", 2, 0, 0), kWatched);
    EXPECT_LT(seen.fidelity.sections_overhead_pct.value_or(100), 0.8) << "half of 1 %";
    // No figure is better than a wrong one: how often they meet depends on the probes themselves.
    if (seen.sections.empty()) return;
    const json& truth = seen.truth.at("locks")[0];
    missed += describe(seen.sections.front()) + " but truly " + truth.dump() + "\n";
    if (covers(seen.sections.front().acquisitions_per_s, truth.at("per_s").get<double>())) {
      std::cout << missed;
      return;
    }
  }
  ADD_FAILURE() << missed;
}

TEST(Sections, OfOneThreadAloneNothingIsProbed) {
  const Seen seen = watch(way("plain", 0, 20, 100), 2);
  EXPECT_TRUE(seen.sections.empty());
  EXPECT_EQ(seen.fidelity.sections_overhead_pct.value_or(-1), 0);
}

class Libraries : public testing::TestWithParam<const char*> {};

// About as long as it truly is, and as cold hits make it: two more of a recursive one are in it.
bool is_about(std::uint64_t median_ns, const std::string& way) {
  constexpr std::uint64_t kHoldNs = 8'100;
  const std::uint64_t hits = way == "recursive" ? 4 : 2;
  return median_ns > kHoldNs * 9 / 10 && median_ns < kHoldNs + hits * kColdNs;
}

// Mostly the rate: what they hold they hold as long as everybody.
TEST_P(Libraries, HaveLocks) {
  std::string missed;
  for (int tries = 0; tries < 2; ++tries) {
    const Seen seen = watch({GetParam(), "12"}, kWatched);
    EXPECT_EQ(seen.exit, 0);
    bool all = true;
    for (const json& lock : seen.truth.at("locks")) {
      const LockSections* sections = seen.at(as_address(lock.at("address")));
      all = all && sections != nullptr &&
            covers(sections->acquisitions_per_s, lock.at("per_s").get<double>()) &&
            is_about(sections->hold.histogram.percentile(0.5), lock.at("way")) &&
            sections->is_rwlock == (lock.at("way") == "shared");
      missed += (sections != nullptr ? describe(*sections) : "nothing") + " but truly " +
                lock.dump() + "\n";
    }
    if (all) return;
  }
  ADD_FAILURE() << missed;
}
INSTANTIATE_TEST_SUITE_P(Sections, Libraries,
                         testing::Values("section_calls", "section_calls_static",
                                         "section_calls_musl", "section_calls_musl_static"),
                         [](const auto& name) { return std::string(name.param); });

// Children are born with the probes in their memory, and some begin another program.
TEST(Sections, ForksAndExecsGoOn) {
  const Seen seen = watch(way("fork", 3, 20, 100), kWatched);
  EXPECT_EQ(seen.exit, 0);
  EXPECT_EQ(seen.truth.at("locks")[0].at("failed"), 0);
  EXPECT_GT(seen.truth.at("locks")[0].at("reads"), 20) << "children";
}

TEST(Sections, TargetThatEndsInTheMiddle) {
  for (const int after_ms : {150, 900, 1400}) {
    Workload workload(way("plain", 4, 20, 100));
    auto observer = Observer::start(only_locks(workload.pid()));
    ASSERT_TRUE(observer);
    workload.go();
    for (int waited = 0; waited < after_ms; waited += 50) {
      std::this_thread::sleep_for(milliseconds(50));
      EXPECT_TRUE((*observer)->look());
    }
    workload.send(SIGKILL);
    workload.wait();
    for (int i = 0; i < 4; ++i) {
      std::this_thread::sleep_for(milliseconds(100));
      EXPECT_TRUE((*observer)->look());
    }
    EXPECT_TRUE((*observer)->report(true));
  }
}

TEST(Sections, KilledObserverLeavesNoProbe) {
  Workload workload({"sections", "plain", "4", "60", "20", "100"});
  workload.go();
  for (int round = 0; round < 3; ++round) {
    ChildProcess observer(
        command({"--pid", std::to_string(workload.pid()), "--observe", "locks", "-i", "1"}));
    bool armed = false;
    for (int i = 0; i < 10'000 && !armed; ++i) {
      armed = changed_libc_bytes(workload.pid()) != 0;
      if (!armed) std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_TRUE(armed) << "nothing was probed, so nothing is proved";
    observer.send(SIGKILL);
    observer.wait();
    for (int i = 0; i < 200 && changed_libc_bytes(workload.pid()) != 0; ++i)
      std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(changed_libc_bytes(workload.pid()), 0U);
  }
}

}  // namespace
}  // namespace cw::test
