// Stacks of real programs, each with what it is: a case for every group of rows in the table.
#include "analysis/runtime_frames.h"

#include <gtest/gtest.h>

#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

// "libc.so.6!malloc": module and function, innermost first; "libc.so.6!" has no name.
Stack stack_of(const std::vector<std::string>& frames) {
  Stack stack;
  for (const std::string& frame : frames) {
    const auto bang = frame.find('!');
    Frame& added = stack.frames.emplace_back();
    added.module = bang == std::string::npos ? "orders" : frame.substr(0, bang);
    added.function = bang == std::string::npos ? frame : frame.substr(bang + 1);
    added.offset = 0x10;
  }
  return stack;
}

struct Case {
  const char* what;
  std::vector<std::string> frames;
  LockKind kind;
  const char* primitive;
  std::size_t own;  // index of the frame to look at
  std::uint16_t op = kBitsetPrivate;
  ValueClass value = ValueClass::kZero;
  std::uint32_t offset = 0;
  std::uint32_t traits = 0;
};

std::ostream& operator<<(std::ostream& out, const Case& about) {
  return out << about.what;
}

class ByFrames : public testing::TestWithParam<Case> {};

TEST_P(ByFrames, IsWhatTheTableSays) {
  const Case& expected = GetParam();
  const Stack stack = stack_of(expected.frames);
  const auto found = classify_frames(stack, expected.op, expected.value);
  ASSERT_TRUE(found) << expected.what;
  EXPECT_STREQ(name_of(found->kind), name_of(expected.kind));
  EXPECT_STREQ(found->primitive, expected.primitive);
  EXPECT_EQ(found->offset, expected.offset);
  EXPECT_EQ(found->traits, expected.traits);
  EXPECT_TRUE(found->sure);
  EXPECT_EQ(first_own_frame(stack), expected.own);
}

using enum LockKind;
using enum ValueClass;

// Debian's libc names what it exports; with libc6-dbg it names everything.
INSTANTIATE_TEST_SUITE_P(
    Glibc, ByFrames,
    testing::Values(
        Case{"mutex",
             {"libc.so.6!", "libc.so.6!pthread_mutex_lock", "lookup"},
             kMutex,
             "pthread mutex",
             2,
             kWaitPrivate,
             kTwo},
        Case{"mutex, all names",
             {"libc.so.6!futex_wait", "libc.so.6!__GI___lll_lock_wait",
              "libc.so.6!___pthread_mutex_lock", "std::mutex::lock()", "lookup"},
             kMutex,
             "pthread mutex",
             4,
             kWaitPrivate,
             kTwo},
        Case{"timed mutex",
             {"libc.so.6!", "libc.so.6!pthread_mutex_timedlock", "lookup"},
             kMutex,
             "pthread mutex",
             2,
             kBitsetRealtime,
             kTwo},
        Case{"condvar",
             {"libc.so.6!__futex_abstimed_wait_common64", "libc.so.6!__pthread_cond_wait",
              "libstdc++.so.6!std::condition_variable::wait(std::unique_lock<std::mutex>&)",
              "Pool::take()"},
             kCondvar,
             "pthread condition",
             3,
             kBitsetRealtime,
             kZero,
             40,
             kInCell},
        Case{"semaphore",
             {"libc.so.6!", "libc.so.6!sem_wait", "Pool::take()"},
             kSemaphore,
             "semaphore",
             2,
             kBitsetRealtime},
        Case{"reader",
             {"libc.so.6!", "libc.so.6!pthread_rwlock_rdlock", "quote"},
             kRwlock,
             "pthread rwlock",
             2,
             kBitsetRealtime,
             kThree,
             8,
             kInCell},
        Case{"writer",
             {"libc.so.6!", "libc.so.6!___pthread_rwlock_wrlock", "quote"},
             kRwlock,
             "pthread rwlock",
             2,
             kBitsetRealtime,
             kTwo,
             8,
             kInCell},
        Case{"barrier",
             {"libc.so.6!pthread_barrier_wait", "step"},
             kBarrier,
             "pthread barrier",
             1,
             kWaitPrivate,
             kOther,
             0,
             kInCell},
        Case{"once",
             {"libc.so.6!", "libc.so.6!pthread_once", "std::call_once<void (&)()>(x)", "f"},
             kOnce,
             "pthread once",
             3,
             kWaitPrivate,
             kOne},
        Case{"static variable",
             {"libc.so.6!syscall", "libstdc++.so.6!__cxa_guard_acquire", "f"},
             kOnce,
             "static variable",
             2,
             0x00,
             kOther},
        Case{"join",
             {"libc.so.6!", "libc.so.6!pthread_join", "libstdc++.so.6!std::thread::join()", "main"},
             kJoin,
             "pthread join",
             3,
             kBitsetShared,
             kOther},
        Case{"arena",
             {"libc.so.6!", "libc.so.6!", "libc.so.6!malloc",
              "libstdc++.so.6!operator new(unsigned long)", "parse"},
             kAllocator,
             "malloc arena",
             4,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"arena, all names",
             {"libc.so.6!__lll_lock_wait_private", "libc.so.6!_int_free", "libc.so.6!__libc_free",
              "parse"},
             kAllocator,
             "malloc arena",
             3,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"stdio",
             {"libc.so.6!__lll_lock_wait_private", "libc.so.6!_IO_fwrite", "log_line"},
             kStdio,
             "stdio stream",
             2,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"stdio, exported only",
             {"libc.so.6!", "libc.so.6!__fprintf_chk", "log_line"},
             kStdio,
             "stdio stream",
             2,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"malloc for stdio",
             {"libc.so.6!", "libc.so.6!malloc", "libc.so.6!fwrite", "log_line"},
             kAllocator,
             "malloc arena",
             3,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"loader",
             {"libc.so.6!", "libc.so.6!pthread_mutex_lock", "libc.so.6!dl_iterate_phdr",
              "libgcc_s.so.1!_Unwind_Find_FDE", "libgcc_s.so.1!", "libstdc++.so.6!__cxa_throw",
              "parse"},
             kMutex,
             "dynamic loader's lock",
             6,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself}));

INSTANTIATE_TEST_SUITE_P(
    Musl, ByFrames,
    testing::Values(Case{"mutex",
                         {"__timedwait_cp", "__timedwait", "__pthread_mutex_timedlock", "lookup"},
                         kMutex,
                         "pthread mutex",
                         3,
                         kWaitPrivate,
                         kHighBit,
                         4},
                    Case{"condvar",
                         {"__timedwait_cp", "__pthread_cond_timedwait", "take"},
                         kCondvar,
                         "pthread condition",
                         2,
                         kWaitPrivate,
                         kTwo,
                         0,
                         kPerWaiter},
                    Case{"reader",
                         {"__timedwait", "__pthread_rwlock_timedrdlock", "quote"},
                         kRwlock,
                         "pthread rwlock",
                         2,
                         kWaitPrivate,
                         kHighBit},
                    Case{"malloc",
                         {"ld-musl-x86_64.so.1!__lock", "ld-musl-x86_64.so.1!__libc_malloc_impl",
                          "parse"},
                         kAllocator,
                         "malloc arena",
                         2,
                         kWaitPrivate,
                         kOther,
                         0,
                         kNamesItself},
                    Case{"stdio",
                         {"__futexwait", "__lockfile", "fwrite", "log_line"},
                         kStdio,
                         "stdio stream",
                         3,
                         kWaitPrivate,
                         kOther,
                         0,
                         kNamesItself}));

INSTANTIATE_TEST_SUITE_P(
    Rust, ByFrames,
    testing::Values(
        Case{"mutex",
             {"libc.so.6!syscall",
              "std::sys::sync::mutex::futex::Mutex::lock_contended::h8cb72deb86b9b3b2",
              "orders::lookup::h0123456789abcdef"},
             kMutex,
             "std::sync::Mutex",
             2,
             kBitsetPrivate,
             kTwo},
        Case{"mutex, v0",
             {"libc.so.6!syscall", "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
              "lookup"},
             kMutex,
             "std::sync::Mutex",
             2,
             kBitsetPrivate,
             kTwo},
        Case{"mutex, Debian's",
             {"libc.so.6!syscall", "std::sys::unix::locks::futex_mutex::Mutex::lock_contended",
              "lookup"},
             kMutex,
             "std::sync::Mutex",
             2,
             kBitsetPrivate,
             kTwo},
        Case{"writer",
             {"libc.so.6!syscall", "std::sys::sync::rwlock::futex::RwLock::write_contended",
              "lookup"},
             kRwlock,
             "std::sync::RwLock",
             2,
             kBitsetPrivate,
             kOther,
             4},
        Case{"condvar",
             {"libc.so.6!syscall", "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout",
              "std::sync::poison::condvar::Condvar::wait", "Pool::take"},
             kCondvar,
             "std::sync::Condvar",
             3,
             kBitsetPrivate,
             kOther},
        Case{"channel",
             {"libc.so.6!syscall", "std::sys::sync::thread_parking::futex::Parker::park",
              "std::thread::park", "std::sync::mpmc::context::Context::wait_until",
              "std::sync::mpmc::list::Channel<T>::recv::{{closure}}",
              "std::sync::mpmc::list::Channel<T>::recv", "std::sync::mpsc::Receiver<T>::recv",
              "worker"},
             kPark,
             "channel",
             7,
             kBitsetPrivate,
             kAllOnes},
        Case{"parking_lot",
             {"libc.so.6!syscall", "parking_lot_core::thread_parker::imp::ThreadParker::park",
              "parking_lot_core::parking_lot::park::{{closure}}",
              "parking_lot::raw_mutex::RawMutex::lock_slow", "lookup"},
             kMutex,
             "parking_lot::Mutex",
             4,
             kWaitPrivate,
             kOne,
             0,
             kPerWaiter},
        Case{
            "parking_lot, readers",
            {"libc.so.6!syscall", "parking_lot::raw_rwlock::RawRwLock::lock_shared_slow", "lookup"},
            kRwlock,
            "parking_lot::RwLock",
            2,
            kWaitPrivate,
            kOne,
            0,
            kPerWaiter},
        Case{"parking_lot, idle",
             {"libc.so.6!syscall", "parking_lot::condvar::Condvar::wait_until_internal", "take"},
             kCondvar,
             "parking_lot::Condvar",
             2,
             kWaitPrivate,
             kOne,
             0,
             kPerWaiter}));

INSTANTIATE_TEST_SUITE_P(
    CppLibraries, ByFrames,
    testing::Values(
        Case{"absl mutex",
             {"libc.so.6!syscall",
              "absl::lts_20220623::synchronization_internal::Waiter::Wait(absl::KernelTimeout)",
              "AbslInternalPerThreadSemWait_lts_20220623",
              "absl::lts_20220623::Mutex::Block(absl::base_internal::PerThreadSynch*)",
              "absl::lts_20220623::Mutex::LockSlowLoop(absl::SynchWaitParams*, int)",
              "absl::lts_20220623::Mutex::Lock()", "lookup"},
             kMutex,
             "absl::Mutex",
             6,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"absl condition of a mutex",
             {"libc.so.6!syscall",
              "absl::lts_20220623::Mutex::Block(absl::base_internal::PerThreadSynch*)",
              "absl::lts_20220623::Mutex::LockSlowLoop(absl::SynchWaitParams*, int)",
              "absl::lts_20220623::Mutex::AwaitCommon(absl::Condition const&, absl::Time)",
              "Pool::take()"},
             kCondvar,
             "absl condition",
             4,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"absl condvar",
             {"libc.so.6!syscall",
              "absl::lts_20220623::CondVar::WaitCommon(absl::Mutex*, absl::Time)", "take"},
             kCondvar,
             "absl::CondVar",
             2,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"folly",
             {"libc.so.6!syscall", "folly::detail::futexWaitImpl(x)",
              "folly::SharedMutexImpl<false>::lockExclusiveImpl(x)", "lookup"},
             kRwlock,
             "folly::SharedMutex",
             3,
             kBitsetPrivate,
             kOther},
        Case{"std::counting_semaphore",
             {"libc.so.6!syscall", "std::__detail::__platform_wait<int>(int const*, int)",
              "std::__atomic_semaphore::_M_acquire()", "take"},
             kSemaphore,
             "semaphore",
             3,
             kWaitPrivate,
             kZero},
        Case{"QMutex",
             {"libc.so.6!syscall", "libQt5Core.so.5!QBasicMutex::lockInternal()", "paint"},
             kMutex,
             "QMutex",
             2,
             kWaitPrivate,
             kThree},
        Case{"jemalloc",
             {"libc.so.6!", "libc.so.6!pthread_mutex_lock", "libjemalloc.so.2!",
              "libjemalloc.so.2!malloc", "parse"},
             kAllocator,
             "jemalloc's lock",
             4,
             kWaitPrivate,
             kTwo,
             0,
             kNamesItself},
        Case{"OpenMP barrier",
             {"libgomp.so.1!", "libgomp.so.1!GOMP_barrier", "solve"},
             kBarrier,
             "OpenMP barrier",
             2,
             kWaitPrivate,
             kOther},
        Case{"OpenMP dock",
             {"libgomp.so.1!", "libgomp.so.1!", "libc.so.6!"},
             kBarrier,
             "OpenMP barrier",
             1,
             kWaitPrivate,
             kOther},
        Case{"OpenMP critical",
             {"libgomp.so.1!", "libgomp.so.1!GOMP_critical_start", "solve"},
             kMutex,
             "OpenMP critical",
             2,
             kWaitPrivate,
             kTwo}));

INSTANTIATE_TEST_SUITE_P(Abseil, ByFrames,
                         testing::Values(Case{
                             "condvar of Debian's library",
                             {"libc.so.6!syscall",
                              "libabsl_synchronization.so.20220623!AbslInternalPerThreadSemWait",
                              "libabsl_synchronization.so.20220623!", "take2()"},
                             kCondvar,
                             "absl::CondVar",
                             3,
                             kBitsetRealtime,
                             kZero,
                             0,
                             kPerWaiter}));

INSTANTIATE_TEST_SUITE_P(
    Runtimes, ByFrames,
    testing::Values(
        Case{"Go lock",
             {"runtime.futex.abi0", "runtime.futexsleep", "runtime.lock2", "runtime.lockWithRank",
              "runtime.chansend", "main.serve"},
             kMutex,
             "lock of Go's runtime",
             4,
             kWaitPrivate,
             kTwo},
        Case{"Go idle",
             {"runtime.futex.abi0", "runtime.futexsleep", "runtime.notesleep", "runtime.stopm",
              "runtime.findRunnable"},
             kPark,
             "Go note",
             3,
             kWaitPrivate,
             kZero},
        Case{"Java monitor",
             {"libc.so.6!", "libc.so.6!pthread_cond_wait", "libjvm.so!PlatformEvent::park()",
              "libjvm.so!ObjectMonitor::EnterI(JavaThread*)",
              "libjvm.so!ObjectMonitor::enter(JavaThread*)", "Ledger.post"},
             kMutex,
             "Java monitor",
             5,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"Object.wait",
             {"libc.so.6!pthread_cond_wait", "libjvm.so!PlatformEvent::park()",
              "libjvm.so!ObjectMonitor::wait(long, bool, JavaThread*)", "Pool.take"},
             kCondvar,
             "Object.wait",
             3,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"ReentrantLock",
             {"libc.so.6!pthread_cond_wait", "libjvm.so!Parker::park(bool, long)",
              "libjvm.so!Unsafe_Park", "java.util.concurrent.locks.LockSupport.park",
              "java.util.concurrent.locks.AbstractQueuedSynchronizer.acquire",
              "java.util.concurrent.locks.ReentrantLock.lock", "Ledger.post"},
             kMutex,
             "Java lock",
             6,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"Java pool",
             {"libc.so.6!pthread_cond_wait", "libjvm.so!Parker::park(bool, long)",
              "java.util.concurrent.locks.LockSupport.park",
              "java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject.await",
              "java.util.concurrent.LinkedBlockingQueue.take"},
             kCondvar,
             "Java condition",
             4,
             kBitsetRealtime,
             kZero,
             0,
             kPerWaiter},
        Case{"GIL, exported names only",
             {"libc.so.6!", "libc.so.6!pthread_cond_timedwait", "python3.11!",
              "python3.11!PyEval_RestoreThread", "python3.11!time_sleep"},
             kGil,
             "GIL",
             4,
             kBitsetPrivate,
             kZero,
             40,
             kInCell | kPolls | kNamesItself},
        Case{"GIL, dropped",
             {"libc.so.6!", "libc.so.6!pthread_cond_wait", "python3.11!",
              "python3.11!_PyEval_EvalFrameDefault", "python3.11!run"},
             kCondvar,
             "GIL hand-over",
             4,
             kBitsetRealtime,
             kZero,
             40,
             kInCell | kNamesItself},
        Case{"GIL, all names",
             {"libc.so.6!pthread_cond_timedwait", "python3.11!take_gil.constprop.0",
              "python3.11!_PyEval_EvalFrameDefault", "python3.11!function_code_fastcall"},
             kGil,
             "GIL",
             3,
             kBitsetPrivate,
             kZero,
             40,
             kInCell | kPolls | kNamesItself},
        Case{"Python's own condition",
             {"libc.so.6!", "libc.so.6!sem_clockwait", "python3.11!PyThread_acquire_lock_timed",
              "python3.11!", "python3.11!_PyEval_EvalFrameDefault", "python3.11!run"},
             kSemaphore,
             "Python lock",
             5,
             kBitsetPrivate,
             kZero,
             0,
             kLockWhenCrowded},
        Case{"PostgreSQL lock",
             {"libc.so.6!", "libc.so.6!sem_wait", "postgres!PGSemaphoreLock",
              "postgres!LWLockAcquire", "postgres!GetSnapshotData"},
             kRwlock,
             "LWLock",
             4,
             kBitsetShared,
             kZero,
             0,
             kPerWaiter},
        Case{"Redis stops a thread by its mutex",
             {"libc.so.6!", "libc.so.6!pthread_mutex_lock", "redis-check-rdb!IOThreadMain",
              "libc.so.6!", "libc.so.6!"},
             kPark,
             "parked I/O thread",
             2,
             kWaitPrivate,
             kTwo},
        Case{"Ruby",
             {"libc.so.6!pthread_cond_wait", "libruby-3.1.so.3.1!gvl_acquire_common.isra.0",
              "libruby-3.1.so.3.1!rb_nogvl"},
             kGil,
             "GVL",
             2,
             kBitsetRealtime,
             kZero,
             40,
             kInCell | kNamesItself}));

TEST(ClassifyFrames, OwnCodeEndsTheSearch) {
  // It is called by malloc's caller, but what it waits for is its own.
  const Stack stack = stack_of(
      {"libc.so.6!", "libc.so.6!pthread_mutex_lock", "my_hook", "libc.so.6!malloc", "parse"});
  EXPECT_EQ(classify_frames(stack, kWaitPrivate, kTwo)->kind, kMutex);
  EXPECT_EQ(first_own_frame(stack), 2U);
}

TEST(ClassifyFrames, AnExtensionOfPythonIsNotTheInterpreter) {
  const Stack stack = stack_of(
      {"libc.so.6!pthread_cond_timedwait", "codec.so!", "python3.11!_PyEval_EvalFrameDefault"});
  EXPECT_EQ(classify_frames(stack, kBitsetPrivate, kZero)->kind, kCondvar);
  EXPECT_EQ(first_own_frame(stack), 1U);
}

TEST(ClassifyFrames, AThreadOfALibraryIsNamedByWhereItBegan) {
  EXPECT_EQ(first_own_frame(stack_of({"libc.so.6!pthread_cond_wait", "libjemalloc.so.2!",
                                      "libjemalloc.so.2!", "libc.so.6!", "libc.so.6!clone3"})),
            2U);
  EXPECT_EQ(first_own_frame(stack_of({"libc.so.6!pthread_mutex_lock", "libc.so.6!clone3"})), 0U);
}

TEST(ClassifyFrames, NothingKnownIsNoAnswer) {
  EXPECT_FALSE(
      classify_frames(stack_of({"libc.so.6!syscall", "my_lock", "f"}), kWaitPrivate, kTwo));
  EXPECT_FALSE(classify_frames(stack_of({"orders!", "orders!"}), kWaitPrivate, kTwo));
  EXPECT_FALSE(classify_frames(Stack{}, kWaitPrivate, kTwo));
}

TEST(ClassifyFrames, WakesTellLocksFromSignals) {
  EXPECT_EQ(meaning_of_wake(stack_of(
                {"libc.so.6!syscall", "parking_lot::raw_mutex::RawMutex::unlock_slow", "f"})),
            WakeMeans::kUnlock);
  EXPECT_EQ(meaning_of_wake(stack_of({"libc.so.6!syscall", "absl::x::CondVar::Signal()", "f"})),
            WakeMeans::kSignal);
  EXPECT_EQ(meaning_of_wake(stack_of({"libc.so.6!syscall", "f", "absl::x::CondVar::Signal()"})),
            WakeMeans::kNotKnown);
}

TEST(Matches, AsterisksStandForAnyText) {
  EXPECT_TRUE(matches("a*c", "abbc"));
  EXPECT_TRUE(matches("a*c", "ac"));
  EXPECT_TRUE(matches("*b*", "abc"));
  EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches("a*c", "abcd"));
  EXPECT_FALSE(matches("abc", "ab"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_FALSE(matches("", "a"));
}

}  // namespace
}  // namespace cw
