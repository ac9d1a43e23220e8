// Processes that end, or are no longer watched, while their blocks are followed.
#include <gtest/gtest.h>

#include <stop_token>
#include <thread>

#include "app/alloc_lives.h"
#include "child_process.h"
#include "process/allocators.h"

namespace cw::test {
namespace {

using std::chrono::milliseconds;

constexpr double kHitsPerNs = 1e-5;

TEST(Followed, ForgottenWhileAWindowIsOpen) {
  Workload workload({"alloc_lives", "malloc", "1", "0", "400"});
  workload.go();
  ElfCache cache;
  ProcessSymbols symbols(workload.pid(), cache);
  const BurstTarget target{.pid = workload.pid(),
                           .image = 1,
                           .comm = "alloc_lives",
                           .cpus = 1,
                           .cpus_mean = 1,
                           .part_of_budget = 1,
                           .allocators = find_allocator_sites(symbols)};
  auto locks = LockProbes::load({});
  ASSERT_TRUE(locks) << locks.error().message;
  AllocLives lives(LifeProbes::load(*locks), 0.5);
  lives.measure();
  for (int window = 0; window < 2; ++window) {
    while (!lives.is_due(target, kHitsPerNs)) std::this_thread::sleep_for(milliseconds(5));
    const std::jthread forgetful([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(milliseconds(5));  // attaching takes longer
        lives.keep({});
      }
    });
    lives.follow(target);
    EXPECT_GT(lives.take_cost().hits, 0U) << "a window was open";
  }
  AllocatorSample sample;
  lives.add_to(target, 0, sample);
  EXPECT_TRUE(sample.lives.empty());
}

}  // namespace
}  // namespace cw::test
