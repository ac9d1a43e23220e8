// Threads that are idle, not contending: what an observer must not call a lock.
//   idle_pool [KIND=condvar] [THREADS=4] [ROUNDS=10] [PERIOD_MS=50]
// KIND: condvar (one waiter signalled a round), semaphore (one posted a round), barrier (all meet
// in each round), join (all join threads that end after ROUNDS x PERIOD_MS).
// All threads wait within 1 ms of `go`; those still waiting at the end are in_progress.
// ready: pid, kind, object, tids[]
// done:  waits (completed calls), in_progress, sum_ns (of the completed ones)

#include <pthread.h>
#include <semaphore.h>

#include "workload.h"

// External names: the tests look them up by symbol.
pthread_cond_t idle_cond = PTHREAD_COND_INITIALIZER;     // NOLINT(misc-use-internal-linkage)
pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;  // NOLINT(misc-use-internal-linkage)
sem_t idle_semaphore;                                    // NOLINT(misc-use-internal-linkage)
pthread_barrier_t idle_barrier;                          // NOLINT(misc-use-internal-linkage)

namespace {

std::atomic<bool> release{false};
std::atomic<unsigned> inside{0};
std::atomic<uint64_t> waits{0};
std::atomic<uint64_t> sum_ns{0};
std::atomic<uint64_t> tickets{0};

template <typename Call>
void idle(Call call) {
  ++inside;
  const uint64_t begin = workload::now_ns();
  call();
  sum_ns += workload::now_ns() - begin;
  ++waits;
  --inside;
}

// Only who was signalled gets a ticket, so that a spurious return shows as one wait more.
void wait_condvar() {
  pthread_mutex_lock(&idle_mutex);
  while (true) {
    idle([] { pthread_cond_wait(&idle_cond, &idle_mutex); });
    if (tickets > 0) --tickets;
  }
}

void wait_semaphore() {
  while (true) idle([] { sem_wait(&idle_semaphore); });
}

void wait_barrier(uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; ++round)
    idle([] { pthread_barrier_wait(&idle_barrier); });
}

void wait_join(pthread_t sleeper) {
  idle([&] { pthread_join(sleeper, nullptr); });
}

void* sleep_until_released(void* /*unused*/) {
  workload::poll_until([] { return release.load(); });
  return nullptr;
}

void wake_once(std::string_view kind) {
  if (kind == "condvar") {
    pthread_mutex_lock(&idle_mutex);
    ++tickets;
    pthread_mutex_unlock(&idle_mutex);
    pthread_cond_signal(&idle_cond);
  } else if (kind == "semaphore") {
    sem_post(&idle_semaphore);
  } else if (kind == "barrier") {
    pthread_barrier_wait(&idle_barrier);  // the last to come: does not wait itself
  }
}

const void* object_of(std::string_view kind) {
  if (kind == "condvar") return &idle_cond;
  if (kind == "semaphore") return &idle_semaphore;
  if (kind == "barrier") return &idle_barrier;
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string kind = arguments.text(1, "condvar");
  const auto threads = static_cast<unsigned>(arguments.number(2, 4));
  const uint64_t rounds = arguments.number(3, 10);
  const uint64_t period_ms = arguments.number(4, 50);
  if (kind != "join" && object_of(kind) == nullptr)
    workload::usage("idle_pool condvar|semaphore|barrier|join [THREADS] [ROUNDS] [PERIOD_MS]");

  sem_init(&idle_semaphore, 0, 0);
  pthread_barrier_init(&idle_barrier, nullptr, threads + 1);
  std::vector<pthread_t> sleepers(kind == "join" ? threads : 0);
  for (pthread_t& sleeper : sleepers)
    pthread_create(&sleeper, nullptr, sleep_until_released, nullptr);

  workload::Crew crew(threads, [&](unsigned index) {
    if (kind == "condvar") wait_condvar();
    if (kind == "semaphore") wait_semaphore();
    if (kind == "barrier") wait_barrier(rounds);
    if (kind == "join") wait_join(sleepers[index]);
  });
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .text("kind", kind)
                              .address("object", object_of(kind))
                              .numbers("tids", crew.tids()));
  crew.go();
  const auto all_asleep = [&] {
    return std::ranges::all_of(
        crew.tids(), [](pid_t thread) { return workload::asleep_in(getpid(), thread, SYS_futex); });
  };
  workload::poll_until(all_asleep);
  for (uint64_t round = 0; round < rounds; ++round) {
    workload::sleep_ms(period_ms);
    wake_once(kind);
    if (kind != "join" && (kind != "barrier" || round + 1 < rounds))
      workload::poll_until([&] { return waits > round; });
    if (kind == "condvar" || kind == "semaphore") workload::poll_until(all_asleep);
  }
  release = true;
  if (kind == "join" || kind == "barrier") crew.wait();
  workload::done_then_exit(workload::Json()
                               .text("kind", kind)
                               .number("waits", waits)
                               .number("in_progress", inside)
                               .number("sum_ns", sum_ns));
}
