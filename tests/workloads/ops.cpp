// Each way to sleep on a futex word, a known number of times, with a partner that wakes.
//   ops OP [COUNT=20] [WAIT_MS=5]
// OP: see kOps below. Waits last WAIT_MS from when the waiter is seen asleep.
// ready: pid, op, word, words[], waiter, waker, syscall, supported
// done:  Truth, wakes (calls that woke or moved the waiter and should have), op

#include <array>
#include <climits>

#include "workload.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

using workload::futex;
using workload::futex_two;
using workload::Word;

// External names: the tests look the words up by symbol, too.
Word op_word{0};         // NOLINT(misc-use-internal-linkage)
Word op_second_word{0};  // NOLINT(misc-use-internal-linkage)

namespace {

constexpr int kPrivate = FUTEX_PRIVATE_FLAG;
constexpr long kFutexWaitv = 449;
constexpr long kFutexWake = 454;
constexpr long kFutexWait = 455;
constexpr unsigned kSize32 = 2;  // FUTEX2_SIZE_U32

struct Waitv {  // struct futex_waitv, for headers older than it
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};

uint64_t wait_ns_each = 0;
pid_t waker_tid = 0;

long wait_relative() {
  const timespec timeout = workload::as_timespec(wait_ns_each);
  return futex(op_word, FUTEX_WAIT | kPrivate, 0, &timeout);
}

long wait_absolute() {
  const timespec until = workload::as_timespec(workload::now_ns() + wait_ns_each);
  return futex(op_word, FUTEX_WAIT_BITSET | kPrivate, 0, &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

long wait_vector() {
  std::array<Waitv, 2> words{};
  words[0] = {0, reinterpret_cast<uintptr_t>(&op_word), kSize32 | kPrivate, 0};
  words[1] = {0, reinterpret_cast<uintptr_t>(&op_second_word), kSize32 | kPrivate, 0};
  return syscall(kFutexWaitv, words.data(), words.size(), 0, nullptr, CLOCK_MONOTONIC);
}

long wait_plain() {
  return futex(op_word, FUTEX_WAIT | kPrivate, 0);
}
long wake_plain() {
  return futex(op_word, FUTEX_WAKE | kPrivate, 1);
}

// A priority-inheriting lock that the kernel handed over often keeps its "waiters" bit: then only
// the kernel can release it.
void release_pi(Word& word) {
  auto owner = static_cast<uint32_t>(workload::tid());
  if (!word.compare_exchange_strong(owner, 0)) futex(word, FUTEX_UNLOCK_PI | kPrivate);
}

struct Op {
  std::string_view name;
  long (*wait)();
  long (*wake)();  // null: the wait ends by itself
  // A PI word is taken by the partner before each round, and the waiter gives it back.
  Word* pi = nullptr;
  long number = SYS_futex;
};

const auto kOps = std::to_array<Op>({
    {"wait", wait_plain, wake_plain},
    {"wait_shared", [] { return futex(op_word, FUTEX_WAIT, 0); },
     [] { return futex(op_word, FUTEX_WAKE, 1); }},
    {"wait_bitset",
     [] { return futex(op_word, FUTEX_WAIT_BITSET | kPrivate, 0, nullptr, nullptr, 0x10); },
     [] { return futex(op_word, FUTEX_WAKE_BITSET | kPrivate, 1, nullptr, nullptr, 0x30); }},
    {"timed_wait", wait_relative, nullptr},
    {"timed_wait_bitset", wait_absolute, nullptr},
    {"timed_wait_woken",
     [] {
       const timespec timeout = workload::as_timespec(60'000'000'000);
       return futex(op_word, FUTEX_WAIT | kPrivate, 0, &timeout);
     },
     wake_plain},
    {"eagain", [] { return futex(op_word, FUTEX_WAIT | kPrivate, 7); }, nullptr},
    {"lock_pi", [] { return futex(op_word, FUTEX_LOCK_PI | kPrivate); },
     [] { return futex(op_word, FUTEX_UNLOCK_PI | kPrivate) + 1; }, &op_word},
    {"lock_pi2", [] { return futex(op_word, FUTEX_LOCK_PI2 | kPrivate); },
     [] { return futex(op_word, FUTEX_UNLOCK_PI | kPrivate) + 1; }, &op_word},
    {"wait_requeue_pi",
     [] { return futex(op_word, FUTEX_WAIT_REQUEUE_PI | kPrivate, 0, nullptr, &op_second_word); },
     [] {
       // The partner holds the second word, so the waiter moves there and sleeps on.
       futex_two(op_word, FUTEX_CMP_REQUEUE_PI | kPrivate, 1, INT_MAX, op_second_word, 0);
       workload::sleep_ns(wait_ns_each / 2);
       return futex(op_second_word, FUTEX_UNLOCK_PI | kPrivate) + 1;
     },
     &op_second_word},
    {"requeue", wait_plain,
     [] {
       futex_two(op_word, FUTEX_CMP_REQUEUE | kPrivate, 0, 1, op_second_word, 0);
       workload::sleep_ns(wait_ns_each / 2);
       return futex(op_second_word, FUTEX_WAKE | kPrivate, 1);
     }},
    // FUTEX_WAKE_OP on the waiter's own word, leaving both words as they were (ADD 0) ...
    {"wake_op", wait_plain,
     [] {
       return futex_two(op_word, FUTEX_WAKE_OP | kPrivate, 1, 0, op_second_word,
                        FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 1));
     }},
    // ... and on its second word, whose waiters are woken because the comparison holds.
    {"wake_op_second", wait_plain,
     [] {
       // NOLINTNEXTLINE(readability-suspicious-call-argument): the order is the point
       return futex_two(op_second_word, FUTEX_WAKE_OP | kPrivate, 1, 1, op_word,
                        FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0));
     }},
    {"waitv", wait_vector, [] { return futex(op_second_word, FUTEX_WAKE | kPrivate, 1); }, nullptr,
     kFutexWaitv},
    {"futex_wait",
     [] {
       return syscall(kFutexWait, workload::raw(op_word), 0UL, ~0U, kSize32 | kPrivate, nullptr,
                      CLOCK_MONOTONIC);
     },
     [] { return syscall(kFutexWake, workload::raw(op_word), ~0U, 1, kSize32 | kPrivate); },
     nullptr, kFutexWait},
});

const Op* find_op(std::string_view name) {
  for (const Op& op : kOps)
    if (op.name == name) return &op;
  std::string names = "ops OP [COUNT] [WAIT_MS], with OP one of";
  for (const Op& op : kOps) names += " " + std::string(op.name);
  workload::usage(names);
}

// A kernel without the call says so at once, whatever the arguments.
bool supported(const Op& op) {
  if (op.number == SYS_futex) return true;
  return syscall(op.number, nullptr, 0, 0, 0, nullptr, 0) >= 0 || errno != ENOSYS;
}

workload::Truth truth;
workload::Handshake handshake;
std::atomic<uint64_t> returned{0};

void wait_rounds(const Op& op, uint64_t count) {
  for (uint64_t round = 1; round <= count; ++round) {
    if (op.pi != nullptr)
      workload::poll_until([&] { return op.pi->load() == static_cast<uint32_t>(waker_tid); });
    handshake.about_to_wait();
    truth.measure(op.wait);
    if (op.pi != nullptr) release_pi(*op.pi);
    returned = round;
  }
}

uint64_t wake_rounds(const Op& op, uint64_t count, pid_t waiter) {
  uint64_t wakes = 0;
  for (uint64_t round = 1; round <= count; ++round) {
    if (op.pi != nullptr) *op.pi = static_cast<uint32_t>(waker_tid);
    handshake.await_asleep(round, waiter, op.number);
    workload::sleep_ns(wait_ns_each);
    wakes += op.wake() == 1 ? 1 : 0;
    workload::poll_until([&] { return returned == round; });
  }
  return wakes;
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const Op& op = *find_op(arguments.text(1, ""));
  const uint64_t count = arguments.number(2, 20);
  wait_ns_each = arguments.number(3, 5) * 1'000'000;
  waker_tid = workload::tid();
  const bool can_run = supported(op);

  workload::Crew crew(1, [&](unsigned) { wait_rounds(op, count); });
  workload::Json ready;
  ready.number("pid", static_cast<uint64_t>(getpid())).text("op", op.name);
  ready.address("word", &op_word).addresses("words", {&op_word, &op_second_word});
  ready.number("waiter", static_cast<uint64_t>(crew.tids()[0]));
  ready.number("waker", static_cast<uint64_t>(waker_tid));
  ready.number("syscall", static_cast<uint64_t>(op.number)).flag("supported", can_run);
  workload::ready_then_go(ready);

  uint64_t wakes = 0;
  if (can_run) {
    crew.go();
    if (op.wake != nullptr) wakes = wake_rounds(op, count, crew.tids()[0]);
    crew.wait();
  }
  workload::done_then_exit(truth.json().number("wakes", wakes).text("op", op.name));
}
