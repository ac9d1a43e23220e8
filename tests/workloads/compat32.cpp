// Waits made through the kernel's 32-bit system calls.
//   compat32 [COUNT=20] [WAIT_MS=5]
// COUNT waits that are woken, then COUNT that time out, on one word.
// ready: pid, word, waiter
// done:  Truth, wakes

#include "workload.h"

workload::Word compat_word{0};  // NOLINT(misc-use-internal-linkage): looked up by name

static_assert(sizeof(void*) == 4);

namespace {

constexpr int kWait = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
constexpr int kWake = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;

workload::Truth truth;
workload::Handshake handshake;
std::atomic<uint64_t> returned{0};

void wait_rounds(uint64_t count, uint64_t wait_ms) {
  for (uint64_t round = 1; round <= count; ++round) {
    handshake.about_to_wait();
    truth.measure([] { return workload::futex(compat_word, kWait); });
    returned = round;
  }
  const timespec timeout = workload::as_timespec(wait_ms * 1'000'000);
  for (uint64_t round = 0; round < count; ++round)
    truth.measure([&] { return workload::futex(compat_word, kWait, 0, &timeout); });
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const uint64_t count = arguments.number(1, 20);
  const uint64_t wait_ms = arguments.number(2, 5);

  workload::Crew crew(1, [=](unsigned) { wait_rounds(count, wait_ms); });
  const pid_t waiter = crew.tids()[0];
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("word", &compat_word)
                              .number("waiter", static_cast<uint64_t>(waiter)));
  crew.go();
  uint64_t wakes = 0;
  for (uint64_t round = 1; round <= count; ++round) {
    handshake.await_asleep(round, waiter);
    workload::sleep_ms(wait_ms);
    wakes += workload::futex(compat_word, kWake, 1) == 1 ? 1 : 0;
    workload::poll_until([&] { return returned == round; });
  }
  crew.wait();
  workload::done_then_exit(truth.json().number("wakes", wakes));
}
