#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "model/snapshot.h"
#include "process/owner.h"
#include "process_child.h"

namespace cw {
namespace {

using test::Child;

constexpr std::uint16_t kWait = FUTEX_WAIT | kOpPrivate;
constexpr std::uint16_t kLockPi = FUTEX_LOCK_PI | kOpPrivate;

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

std::uint64_t address_of(const void* object) {
  return reinterpret_cast<std::uint64_t>(object);
}

// A mutex made as `set_up` says, locked by the child's only thread.
template <typename SetUp>
Child child_holding(const SetUp& set_up) {
  return Child([&set_up](const Child::Ready& ready) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    set_up(attributes);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutex_lock(&mutex);
    ready(address_of(&mutex));
  });
}

TEST(Owner, OfEveryKindOfMutex) {
  const auto plain = child_holding([](pthread_mutexattr_t&) {});
  const auto recursive = child_holding([](pthread_mutexattr_t& attributes) {
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  });
  const auto robust = child_holding([](pthread_mutexattr_t& attributes) {
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  });
  const auto inherits = child_holding([](pthread_mutexattr_t& attributes) {
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  });
  for (const Child* child : {&plain, &recursive, &robust}) {
    ASSERT_TRUE(child->ready());
    EXPECT_EQ(lock_owner(child->pid(), child->value(), LockKind::kMutex, kWait),
              static_cast<std::uint32_t>(child->pid()));
  }
  EXPECT_EQ(lock_owner(inherits.pid(), inherits.value(), LockKind::kMutex, kLockPi),
            static_cast<std::uint32_t>(inherits.pid()));
}

TEST(Owner, IsAThreadNotTheProcess) {
  const Child child([](const Child::Ready& ready) {
    std::thread([&ready] {
      pthread_mutex_lock(&mutex);
      ready(static_cast<std::uint64_t>(::syscall(SYS_gettid)));
      for (;;) ::pause();
    }).join();
  });
  ASSERT_TRUE(child.ready());
  EXPECT_NE(child.value(), static_cast<std::uint64_t>(child.pid()));
  EXPECT_EQ(lock_owner(child.pid(), address_of(&mutex), LockKind::kMutex, kWait), child.value());
}

TEST(Owner, OfAFreeMutexIsNobody) {
  const Child child([](const Child::Ready& ready) { ready(address_of(&mutex)); });
  ASSERT_TRUE(child.ready());
  EXPECT_EQ(lock_owner(child.pid(), child.value(), LockKind::kMutex, kWait), 0U);
  EXPECT_EQ(lock_owner(child.pid(), 0, LockKind::kMutex, kWait), 0U);
  EXPECT_EQ(lock_owner(child.pid(), ~0ULL - 4, LockKind::kMutex, kWait), 0U);
}

TEST(Owner, IsNotReadFromWhatIsNoMutex) {
  static std::array<std::uint32_t, 5> words{};
  const auto owner_when = [](std::array<std::uint32_t, 5> (*make)()) {
    const Child child([make](const Child::Ready& ready) {
      words = make();
      ready(address_of(words.data()));
    });
    return lock_owner(child.pid(), child.value(), LockKind::kMutex, kWait);
  };
  using Words = std::array<std::uint32_t, 5>;
  static const auto self = [] { return static_cast<std::uint32_t>(::getpid()); };
  EXPECT_NE(owner_when([] { return Words{1, 0, self(), 1, 0}; }), 0U);
  EXPECT_EQ(owner_when([] { return Words{1, 0, self(), 1, 0x10000}; }), 0U) << "kind";
  EXPECT_EQ(owner_when([] { return Words{1, 0, self(), 0, 0}; }), 0U) << "no users";
  EXPECT_EQ(owner_when([] { return Words{7, 0, self(), 1, 0}; }), 0U) << "lock word";
  EXPECT_EQ(owner_when([] { return Words{1, 3, self(), 1, 0}; }), 0U) << "count, not recursive";
  EXPECT_EQ(owner_when([] { return Words{1, 0, 1, 1, 0}; }), 0U) << "another process's thread";
}

constexpr std::uint16_t kRwlockWait = FUTEX_WAIT_BITSET | kOpPrivate | kOpRealtime;

pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

TEST(Owner, OfARwlockIsItsWriter) {
  const Child writer([](const Child::Ready& ready) {
    pthread_rwlock_wrlock(&rwlock);
    ready(address_of(&rwlock));
  });
  ASSERT_TRUE(writer.ready());
  EXPECT_EQ(lock_owner(writer.pid(), writer.value(), LockKind::kRwlock, kRwlockWait),
            static_cast<std::uint32_t>(writer.pid()));
  const Child reader([](const Child::Ready& ready) {
    pthread_rwlock_rdlock(&rwlock);
    ready(address_of(&rwlock));
  });
  ASSERT_TRUE(reader.ready());
  EXPECT_EQ(lock_owner(reader.pid(), reader.value(), LockKind::kRwlock, kRwlockWait), 0U);
}

// The lock's memory holds the id of a thread that is not one of the process that waits.
TEST(Owner, OfASharedMutexMayBeAnotherProcess) {
  static std::array<std::uint32_t, 5> words{};
  const Child holder([](const Child::Ready& ready) { ready(0); });
  ASSERT_TRUE(holder.ready());
  words = {1, 0, static_cast<std::uint32_t>(holder.pid()), 1, 128 /* PTHREAD_MUTEX_PSHARED_BIT */};
  const Child waiter([](const Child::Ready& ready) { ready(address_of(words.data())); });
  ASSERT_TRUE(waiter.ready());
  EXPECT_EQ(lock_owner(waiter.pid(), waiter.value(), LockKind::kMutex, FUTEX_WAIT),
            static_cast<std::uint32_t>(holder.pid()));
  EXPECT_EQ(lock_owner(waiter.pid(), waiter.value(), LockKind::kMutex, kWait), 0U)
      << "a private lock's owner is one of its own threads";
}

TEST(Owner, IsNotAskedOfOtherKinds) {
  const auto child = child_holding([](pthread_mutexattr_t&) {});
  EXPECT_EQ(lock_owner(child.pid(), child.value(), LockKind::kCondvar, kWait), 0U);
}

}  // namespace
}  // namespace cw
