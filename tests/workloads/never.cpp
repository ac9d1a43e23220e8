// A thread that waits for ever, and already does when `ready` is printed.
//   never
// ready: pid, word, waiter, since_ns (CLOCK_MONOTONIC, just before the wait)
// done (printed at once on `go`): in_progress, waited_ns (so far)

#include "workload.h"

workload::Word never_word{0};  // NOLINT(misc-use-internal-linkage): looked up by name

int main() {
  workload::Handshake handshake;
  std::atomic<uint64_t> since{0};
  workload::Crew crew(1, [&](unsigned) {
    since = workload::now_ns();
    handshake.about_to_wait();
    workload::futex(never_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0);
  });
  crew.go();
  handshake.await_asleep(1, crew.tids()[0]);
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("word", &never_word)
                              .number("waiter", static_cast<uint64_t>(crew.tids()[0]))
                              .number("since_ns", since));
  workload::done_then_exit(
      workload::Json().number("in_progress", 1).number("waited_ns", workload::now_ns() - since));
}
