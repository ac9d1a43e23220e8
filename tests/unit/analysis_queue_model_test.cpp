// The model against a simulation that knows nothing of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "analysis/queue_model.h"
#include "analysis/rwlock_model.h"

namespace cw {
namespace {

constexpr double kWithin = 0.10;
constexpr std::uint64_t kEnough = 8'000;  // acquisitions: their own scatter is about a percent

enum class Hold : std::uint8_t { kAlike, kExponential };

// Threads that think (exponential times) and take one of several locks, event by event.
class Simulation {
 public:
  Simulation(const RwLoad& load, Hold hold, bool shared)
      : load_(load), hold_(hold), shared_(shared), locks_(load.locks) {
    for (std::uint64_t thread = 0; thread < load.threads; ++thread) think();
  }

  double rate() {
    while (ended_ < kEnough) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      if (event.arrives)
        arrive();
      else if (event.wakes || !others_wait(event))
        leave(event);
    }
    return static_cast<double>(ended_) / now_;
  }
  // Share of the time in which one lock is held; threads waiting on all, or passing one on.
  [[nodiscard]] double held() const { return held_s_ / now_ / static_cast<double>(load_.locks); }
  [[nodiscard]] double waiting() const { return (waited_s_ + handed_over_s_) / now_; }

 private:
  struct Event {
    double time = 0;
    bool arrives = false;
    bool wakes = false;  // has woken the next one
    std::size_t lock = 0;
    bool reads = false;
    bool operator>(const Event& other) const { return time > other.time; }
  };
  struct Waiter {
    bool reads = false;
    double since = 0;
  };
  struct Lock {
    std::size_t readers = 0;
    std::size_t without_cpu = 0;  // of them
    bool writer = false;
    std::deque<Waiter> queue;
  };

  double exponential(double mean) {
    return mean <= 0 ? 0 : std::exponential_distribution<>(1 / mean)(random_);
  }
  void think() { events_.push({.time = now_ + exponential(load_.think_s), .arrives = true}); }

  void hold(std::size_t lock, bool reads) {
    const double mean = reads ? load_.read_s : load_.write_s;
    const double held = hold_ == Hold::kAlike ? mean : exponential(mean);
    held_s_ += held;
    (reads ? locks_[lock].readers += 1 : locks_[lock].writer = true);
    if (reads && load_.cpus > 0 && static_cast<double>(locks_[lock].readers) > load_.cpus)
      locks_[lock].without_cpu += 1;
    else
      end_after(held, lock, reads);
  }

  void end_after(double held, std::size_t lock, bool reads) {
    events_.push({.time = now_ + held, .lock = lock, .reads = reads});
  }

  // Then letting go takes longer.
  bool others_wait(const Event& event) {
    const Lock& lock = locks_[event.lock];
    if (load_.handover_s <= 0 || event.reads || lock.queue.empty()) return false;
    Event after = event;
    after.wakes = true;
    after.time += exponential(load_.handover_s);
    handed_over_s_ += after.time - event.time;
    events_.push(after);
    return true;
  }

  void arrive() {
    const std::size_t at =
        std::uniform_int_distribution<std::size_t>(0, locks_.size() - 1)(random_);
    const bool reads = shared_ && std::bernoulli_distribution(load_.read_share)(random_);
    Lock& lock = locks_[at];
    const bool free = !lock.writer && (reads || lock.readers == 0);
    if (free)
      hold(at, reads);
    else
      lock.queue.push_back({.reads = reads, .since = now_});
  }

  void leave(const Event& event) {
    Lock& lock = locks_[event.lock];
    (event.reads ? lock.readers -= 1 : lock.writer = false);
    if (event.reads && lock.without_cpu != 0) {
      lock.without_cpu -= 1;
      end_after(exponential(load_.read_s), event.lock, true);
    }
    ++ended_;
    think();
    if (lock.readers != 0 || lock.queue.empty()) return;
    const auto admit = [&](const Waiter& waiter) {
      waited_s_ += now_ - waiter.since;
      hold(event.lock, waiter.reads);
    };
    if (!shared_ || !let_readers_in(lock, admit)) {
      const Waiter first = lock.queue.front();
      lock.queue.pop_front();
      admit(first);
    }
  }

  static bool let_readers_in(Lock& lock, const std::function<void(const Waiter&)>& admit) {
    const std::deque<Waiter> queue = std::exchange(lock.queue, {});
    bool any = false;
    for (const Waiter& waiter : queue) {
      if (waiter.reads)
        admit(waiter);
      else
        lock.queue.push_back(waiter);
      any = any || waiter.reads;
    }
    return any;
  }

  RwLoad load_;
  Hold hold_;
  bool shared_;
  std::vector<Lock> locks_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::mt19937_64 random_{7};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
  double now_ = 0;
  double held_s_ = 0;
  double waited_s_ = 0;
  double handed_over_s_ = 0;
  std::uint64_t ended_ = 0;
};

Simulation simulate(const LockLoad& load, Hold hold) {
  return {{.threads = load.threads,
           .think_s = load.think_s,
           .read_share = 0,
           .read_s = 0,
           .write_s = load.hold_s,
           .handover_s = load.handover_s,
           .locks = load.locks},
          hold,
          false};
}

void expect_agrees(const LockLoad& load, Hold hold) {
  Simulation simulation = simulate(load, hold);
  const double truth = simulation.rate();
  const LockFlow flow = flow_of(load);
  const std::string what =
      fmt::format("{} threads, think {:.0f} us, hold {:.0f} us, {} locks, handover {:.0f} us{}",
                  load.threads, load.think_s * 1e6, load.hold_s * 1e6, load.locks,
                  load.handover_s * 1e6, hold == Hold::kAlike ? ", holds alike" : "");
  EXPECT_NEAR(flow.acquisitions_per_s / truth, 1, kWithin) << what;
  EXPECT_NEAR(flow.utilisation, simulation.held(), kWithin) << what;
  // Little's law holds of what the model says, too.
  EXPECT_NEAR(flow.waiting, simulation.waiting(),
              std::max(kWithin * simulation.waiting(), 0.05 * static_cast<double>(load.threads)))
      << what;
}

TEST(QueueModel, AgreesWithASimulation) {
  for (const std::uint64_t threads : {1U, 2U, 4U, 8U, 32U})
    for (const double think_us : {0.0, 20.0, 100.0, 1000.0})
      for (const double hold_us : {2.0, 20.0, 80.0})
        for (const std::uint64_t locks : {1U, 2U, 4U, 16U})
          for (const Hold hold : {Hold::kExponential, Hold::kAlike})
            expect_agrees({.threads = threads,
                           .think_s = think_us / 1e6,
                           .hold_s = hold_us / 1e6,
                           .hold_cv2 = hold == Hold::kAlike ? 0.0 : 1.0,
                           .handover_s = 0,
                           .locks = locks},
                          hold);
}

TEST(QueueModel, AgreesWhereHandingOverTakesTime) {
  for (const std::uint64_t threads : {2U, 4U, 8U, 32U})
    for (const double think_us : {20.0, 100.0, 1000.0})
      for (const double handover_us : {5.0, 20.0, 60.0})
        for (const std::uint64_t locks : {1U, 4U})
          expect_agrees({.threads = threads,
                         .think_s = think_us / 1e6,
                         .hold_s = 20e-6,
                         .hold_cv2 = 1,
                         .handover_s = handover_us / 1e6,
                         .locks = locks},
                        Hold::kExponential);
}

TEST(QueueModel, OneThreadNeverWaits) {
  const LockFlow flow = flow_of({.threads = 1, .think_s = 80e-6, .hold_s = 20e-6});
  EXPECT_DOUBLE_EQ(flow.acquisitions_per_s, 10'000);
  EXPECT_DOUBLE_EQ(flow.utilisation, 0.2);
  EXPECT_NEAR(flow.waiting, 0, 1e-12);
}

TEST(QueueModel, MoreThreadsNeverDoLess) {
  LockLoad load{.threads = 1, .think_s = 50e-6, .hold_s = 20e-6};
  double before = 0;
  for (; load.threads <= 64; ++load.threads) {
    const LockFlow flow = flow_of(load);
    EXPECT_GE(flow.acquisitions_per_s, before);
    EXPECT_LE(flow.acquisitions_per_s, 1 / load.hold_s + 1e-6);
    EXPECT_LE(flow.utilisation, 1);
    before = flow.acquisitions_per_s;
  }
}

TEST(QueueModel, IsFittedToWhatWasSeen) {
  const LockLoad truth{.threads = 7, .think_s = 60e-6, .hold_s = 25e-6, .handover_s = 15e-6};
  const LockFlow flow = flow_of(truth);
  const auto fitted = fitted_load({.threads = 7,
                                   .acquisitions_per_s = flow.acquisitions_per_s,
                                   .hold_s = 25e-6,
                                   .waiting = flow.waiting});
  EXPECT_NEAR(fitted.value().think_s, truth.think_s, 1e-9);
  EXPECT_NEAR(fitted.value().handover_s, truth.handover_s, 1e-9);
}

TEST(QueueModel, FitsNothingToWhatCannotBe) {
  // Held three times as long as there is time.
  EXPECT_FALSE(
      fitted_load({.threads = 4, .acquisitions_per_s = 100'000, .hold_s = 30e-6, .waiting = 1}));
  EXPECT_FALSE(fitted_load({}));
}

TEST(QueueModel, SaturatesAtThinkAndHoldOverHold) {
  EXPECT_DOUBLE_EQ(saturating_threads({.threads = 4, .think_s = 60e-6, .hold_s = 20e-6}), 4);
}

TEST(RwlockModel, AgreesWithASimulation) {
  for (const std::uint64_t threads : {1U, 4U, 8U, 24U})
    for (const double think_us : {10.0, 50.0, 400.0})
      for (const double read_share : {0.0, 0.5, 0.9, 1.0})
        for (const auto& [locks, cpus] : {std::pair{1U, 0.0}, {4U, 0.0}, {1U, 2.0}}) {
          const RwLoad load{.threads = threads,
                            .think_s = think_us / 1e6,
                            .read_share = read_share,
                            .read_s = 20e-6,
                            .write_s = 30e-6,
                            .handover_s = 0,
                            .locks = locks,
                            .cpus = cpus};
          EXPECT_NEAR(rw_rate(load) / Simulation(load, Hold::kExponential, true).rate(), 1, kWithin)
              << fmt::format("{} threads, think {} us, {} read, {} locks, {} CPUs", threads,
                             think_us, read_share, locks, cpus);
        }
}

TEST(RwlockModel, WithoutReadersIsAMutex) {
  const LockLoad mutex{.threads = 6, .think_s = 50e-6, .hold_s = 20e-6};
  EXPECT_NEAR(
      rw_rate({.threads = 6, .think_s = 50e-6, .read_share = 0, .read_s = 1e-6, .write_s = 20e-6}),
      flow_of(mutex).acquisitions_per_s, 1);
}

TEST(RwlockModel, ReadersAloneNeverWait) {
  EXPECT_NEAR(
      rw_rate({.threads = 6, .think_s = 80e-6, .read_share = 1, .read_s = 20e-6, .write_s = 1e-6}),
      60'000, 1);
}

}  // namespace
}  // namespace cw
