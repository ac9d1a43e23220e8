// Contention on glibc's less common mutexes, each time made certain by a handshake.
//   pi_robust [KIND=pi] [COUNT=20] [WAIT_MS=5]
// KIND: pi (PTHREAD_PRIO_INHERIT), robust (robust and process-shared), pi_robust (both),
// owner_dies (robust; the owner's thread ends while it holds, and the kernel wakes the waiter).
// ready: pid, kind, lock (also the word), waiter
// done:  waits (contended acquisitions), owner_died (those of them), sum_ns, max_ns (around lock)

#include <pthread.h>

#include "workload.h"

pthread_mutex_t rare_lock;  // NOLINT(misc-use-internal-linkage): looked up by name

namespace {

workload::Truth truth;
workload::Handshake handshake;
std::atomic<uint64_t> held{0};  // the round for which the lock is held against the waiter
std::atomic<uint64_t> returned{0};
uint64_t owner_died = 0;

void init_lock(std::string_view kind) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (kind == "pi" || kind == "pi_robust")
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  if (kind != "pi") {
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  }
  pthread_mutex_init(&rare_lock, &attributes);
}

void wait_rounds(uint64_t count) {
  for (uint64_t round = 1; round <= count; ++round) {
    workload::poll_until([&] { return held == round; });
    handshake.about_to_wait();
    int outcome = 0;
    truth.measure([&] {
      outcome = pthread_mutex_lock(&rare_lock);
      return 0L;
    });
    if (outcome == EOWNERDEAD) {
      ++owner_died;
      pthread_mutex_consistent(&rare_lock);
    }
    pthread_mutex_unlock(&rare_lock);
    returned = round;
  }
}

void hold_one_round(uint64_t round, pid_t waiter, uint64_t wait_ms) {
  pthread_mutex_lock(&rare_lock);
  held = round;
  handshake.await_asleep(round, waiter);
  workload::sleep_ms(wait_ms);
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string kind = arguments.text(1, "pi");
  const uint64_t count = arguments.number(2, 20);
  const uint64_t wait_ms = arguments.number(3, 5);
  if (kind != "pi" && kind != "robust" && kind != "pi_robust" && kind != "owner_dies")
    workload::usage("pi_robust pi|robust|pi_robust|owner_dies [COUNT] [WAIT_MS]");
  init_lock(kind);

  workload::Crew crew(1, [&](unsigned) { wait_rounds(count); });
  const pid_t waiter = crew.tids()[0];
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .text("kind", kind)
                              .address("lock", &rare_lock)
                              .number("waiter", static_cast<uint64_t>(waiter)));
  crew.go();
  for (uint64_t round = 1; round <= count; ++round) {
    if (kind == "owner_dies") {
      std::thread([=] { hold_one_round(round, waiter, wait_ms); }).detach();
    } else {
      hold_one_round(round, waiter, wait_ms);
      pthread_mutex_unlock(&rare_lock);
    }
    workload::poll_until([&] { return returned == round; });
  }
  crew.wait();
  workload::done_then_exit(workload::Json()
                               .number("waits", truth.waits)
                               .number("owner_died", owner_died)
                               .number("sum_ns", truth.sum_ns)
                               .number("max_ns", truth.max_ns));
}
