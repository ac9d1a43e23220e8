// Two threads, two mutexes, taken in opposite orders: deadlocked before `ready` is printed, or once
// told to go.
//   deadlock [later]
// ready: pid, lock_a, lock_b, a_then_b (tid: holds lock_a, waits for lock_b), b_then_a
// done (printed when both wait): in_progress

#include <pthread.h>

#include "workload.h"

// External names: the tests look them up by symbol.
pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;  // NOLINT(misc-use-internal-linkage)
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;  // NOLINT(misc-use-internal-linkage)

namespace {

std::atomic<int> holding{0};

[[gnu::noinline]] void take_both(pthread_mutex_t& first, pthread_mutex_t& second) {
  pthread_mutex_lock(&first);
  ++holding;
  workload::poll_until([] { return holding == 2; });
  pthread_mutex_lock(&second);  // never returns
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const bool later = arguments.text(1, "at once") == "later";
  workload::Crew crew(2, [](unsigned index) {
    if (index == 0) {
      take_both(lock_a, lock_b);
    } else {
      take_both(lock_b, lock_a);
    }
  });
  const auto begin = [&] {
    crew.go();
    for (const pid_t thread : crew.tids())
      workload::poll_until([&] { return workload::asleep_in(getpid(), thread, SYS_futex); });
  };
  if (!later) begin();
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("lock_a", &lock_a)
                              .address("lock_b", &lock_b)
                              .number("a_then_b", static_cast<uint64_t>(crew.tids()[0]))
                              .number("b_then_a", static_cast<uint64_t>(crew.tids()[1])));
  if (later) begin();
  workload::done_then_exit(workload::Json().number("in_progress", 2));
}
