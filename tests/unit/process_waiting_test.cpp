#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <ctime>

#include "model/snapshot.h"
#include "process/sleep_sampler.h"
#include "process/waiting_threads.h"
#include "process_child.h"

namespace cw {
namespace {

using test::Child;
using test::eventually;

constexpr std::size_t kSleepers = 700;

std::uint32_t word = 77;

std::uint64_t address_of_word() {
  return reinterpret_cast<std::uint64_t>(&word);
}

void wait_on_word(const Child::Ready& ready) {
  ready(address_of_word());
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 77, nullptr, nullptr, 1U);
}

void sleep_long(const Child::Ready& ready) {
  ready(0);
  const timespec hour{.tv_sec = 3600, .tv_nsec = 0};
  static_cast<void>(::clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, nullptr));
}

TEST(WaitingThreads, ParsesWhatTheKernelPrints) {
  const BlockedCall call =
      parse_blocked_call(9, "202 0x7f01 0x80 0x2 0x0 0x0 0xffffffffffffffff 0x7ffd 0x7f02\n")
          .value_or(BlockedCall{});
  EXPECT_EQ(call.tid, 9);
  EXPECT_EQ(call.number, 202);
  EXPECT_EQ(call.args[0], 0x7f01U);
  EXPECT_EQ(call.args[5], ~0ULL);
  EXPECT_EQ(call.sp, 0x7ffdU);
  EXPECT_EQ(call.pc, 0x7f02U);
  const BlockedCall fault =
      parse_blocked_call(9, "-1 0x7ffd 0x7f02\n").value_or(BlockedCall{.number = 5});
  EXPECT_EQ(fault.number, -1);
  EXPECT_EQ(fault.sp, 0x7ffdU);
  for (const char* odd : {"", "running\n", "running", "202", "202 0x1 0x2", "x y z", "-1", "202 ",
                          "202 1 2 3 4 5 6 7 zz", "99999999999999999999 0x1"})
    EXPECT_FALSE(parse_blocked_call(9, odd)) << odd;
}

TEST(WaitingThreads, SeesAFutexWaitThatBeganBefore) {
  const Child child(wait_on_word);
  ASSERT_TRUE(child.ready());
  EXPECT_TRUE(eventually([&child] { return !futex_waits(child.pid()).empty(); }));
  const auto waits = futex_waits(child.pid());
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits[0].tid, child.pid());
  EXPECT_EQ(waits[0].address, child.value());
  EXPECT_EQ(waits[0].op, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG);
  EXPECT_EQ(waits[0].value, 77U);
  EXPECT_NE(waits[0].sp, 0U);
  const auto call = blocked_call(child.pid(), child.pid()).value_or(BlockedCall{});
  EXPECT_EQ(call.number, SYS_futex);
}

TEST(WaitingThreads, TellsARestartedFutexWait) {
  const Child child([](const Child::Ready& ready) {
    ready(address_of_word());
    const timespec hour{.tv_sec = 3600, .tv_nsec = 0};
    ::syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 77, &hour, nullptr, 0);
  });
  ASSERT_TRUE(child.ready());
  ASSERT_TRUE(eventually([&child] { return !futex_waits(child.pid()).empty(); }));
  ASSERT_EQ(::kill(child.pid(), SIGSTOP), 0);
  ASSERT_EQ(::waitpid(child.pid(), nullptr, WUNTRACED), child.pid());
  ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);
  ASSERT_TRUE(eventually([&child] {
    const auto call = blocked_call(child.pid(), child.pid());
    return call && call->number == SYS_restart_syscall && !futex_waits(child.pid()).empty();
  }));
  const auto waits = futex_waits(child.pid());
  ASSERT_EQ(waits.size(), 1U);
  EXPECT_EQ(waits[0].address, child.value());
  EXPECT_EQ(waits[0].value, 77U);
}

TEST(WaitingThreads, SeesEveryWordOfAVector) {
  struct Entry {
    std::uint64_t value, address;
    std::uint32_t flags, reserved;
  };
  const Child child([](const Child::Ready& ready) {
    std::array<Entry, 2> entries{};
    for (Entry& entry : entries)
      entry = {.value = 77, .address = address_of_word(), .flags = 0x82, .reserved = 0};
    ready(address_of_word());
    ::syscall(449, entries.data(), entries.size(), 0, nullptr, 0);
  });
  ASSERT_TRUE(child.ready());
  EXPECT_TRUE(eventually([&child] { return !futex_waits(child.pid()).empty(); }));
  const auto waits = futex_waits(child.pid());
  ASSERT_EQ(waits.size(), 2U);
  EXPECT_EQ(waits[1].address, child.value());
  EXPECT_EQ(waits[1].op, kOpWaitv | kOpPrivate);
  EXPECT_EQ(waits[1].value, 77U);
}

TEST(WaitingThreads, ASleepThatGoesOnIsTheSameTwice) {
  const Child child(wait_on_word);
  ASSERT_TRUE(child.ready());
  ASSERT_TRUE(eventually([&child] { return !futex_waits(child.pid()).empty(); }));
  const auto first = futex_sleep(child.pid(), child.pid());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->address, futex_waits(child.pid()).front().address);
  EXPECT_EQ(futex_sleep(child.pid(), child.pid()), first);
  const Child sleeper(sleep_long);
  ASSERT_TRUE(sleeper.ready());
  EXPECT_FALSE(futex_sleep(sleeper.pid(), sleeper.pid()));
}

TEST(WaitingThreads, ASleepThatBeganAgainIsAnother) {
  const Child child([](const Child::Ready& ready) {
    ready(0);
    const timespec moment{.tv_sec = 0, .tv_nsec = 2'000'000};
    static std::uint32_t timed_word = 0;
    for (;;)
      ::syscall(SYS_futex, &timed_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &moment, nullptr, 0);
  });
  ASSERT_TRUE(child.ready());
  const auto sleep = [&child] { return futex_sleep(child.pid(), child.pid()); };
  ASSERT_TRUE(eventually([&] { return sleep().has_value(); }));
  std::optional<FutexSleep> first;
  while (!first) first = sleep();
  EXPECT_TRUE(first->with_timeout);
  EXPECT_TRUE(eventually([&] {
    const auto later = sleep();
    return later && later->switches > first->switches;
  }));
}

TEST(WaitingThreads, ASleepIsNoFutexWait) {
  const Child child(sleep_long);
  ASSERT_TRUE(child.ready());
  const bool asleep = eventually([&child] {
    const auto call = blocked_call(child.pid(), child.pid());
    return call && call->number == SYS_clock_nanosleep;
  });
  EXPECT_TRUE(asleep);
  EXPECT_TRUE(futex_waits(child.pid()).empty());
  EXPECT_EQ(blocked_calls(child.pid()).size(), 1U);
}

TEST(WaitingThreads, AThreadOnACpuIsNotBlocked) {
  const Child child([](const Child::Ready& ready) {
    ready(0);
    const std::atomic<bool> over = false;
    while (!over.load()) {
    }
  });
  ASSERT_TRUE(child.ready());
  EXPECT_TRUE(eventually([&child] { return !blocked_call(child.pid(), child.pid()).has_value(); }));
  EXPECT_FALSE(blocked_call(-1, 1));
  EXPECT_TRUE(blocked_calls(-1).empty());
}

TEST(SleepSampler, CountsSleepsButNotFutexes) {
  const Child sleeper(sleep_long);
  const Child waiter(wait_on_word);
  SleepSampler sampler;
  EXPECT_TRUE(eventually([&] { return sampler.look(sleeper.pid())["clock_nanosleep"] == 1; }));
  ASSERT_TRUE(eventually([&] { return !futex_waits(waiter.pid()).empty(); }));
  EXPECT_TRUE(sampler.look(waiter.pid()).empty());
}

TEST(SleepSampler, ScalesUpWhenThereAreManyThreads) {
  const Child child([](const Child::Ready& ready) {
    for (std::size_t i = 0; i < kSleepers; ++i) std::thread([] { ::pause(); }).detach();
    ready(0);
  });
  ASSERT_TRUE(child.ready());
  ASSERT_TRUE(eventually([&] { return blocked_calls(child.pid()).size() == kSleepers + 1; }));
  SleepSampler sampler;
  std::uint64_t asleep = 0;
  for (int i = 0; i < 10; ++i) asleep += sampler.look(child.pid())["pause"];
  EXPECT_NEAR(static_cast<double>(asleep), 10.0 * static_cast<double>(kSleepers + 1), 15.0);
}

TEST(SleepSampler, NamesSystemCalls) {
  EXPECT_EQ(syscall_name(SYS_epoll_wait, false), "epoll_wait");
  EXPECT_EQ(syscall_name(240, true), "futex");
  EXPECT_EQ(syscall_name(99999, false), "syscall 99999");
  EXPECT_EQ(syscall_name(-1, false), "no system call");
  EXPECT_EQ(syscall_name(INT64_MAX, false), "syscall 9223372036854775807");
}

}  // namespace
}  // namespace cw
