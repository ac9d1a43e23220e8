// Great numbers: threads that go round over many words, a mutex that becomes hot only when the
// words have filled the observer's tables, threads and processes that only wait.
//   crowd [WORDS=10000] [THREADS=2] [SECONDS=2] [HOT=0] [IDLE=0] [PROCESSES=0] [PAUSE_US=0]
// THREADS make waits of 1 us, each on the next word, PAUSE_US apart; HOT threads fight over a mutex
// in the second half of the time; IDLE threads, and PROCESSES of one thread each, wait for ever.
// ready: pid, lock
// done:  Truth of the waits on words, elapsed_ns

#include <sys/prctl.h>

#include <csignal>
#include <mutex>

#include "workload.h"

std::mutex hot_lock;  // NOLINT(misc-use-internal-linkage): looked up by name

namespace {

constexpr uint64_t kSmallStack = 64UL << 10U;

void wait_for_ever() {
  static workload::Word never{0};
  while (true) workload::futex(never, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0);
}

// std::thread cannot choose the size of its stack.
void start_idle(uint64_t count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kSmallStack);
  for (uint64_t i = 0; i < count; ++i) {
    pthread_t thread{};
    const auto body = [](void*) -> void* {
      wait_for_ever();
      return nullptr;
    };
    if (pthread_create(&thread, &attributes, body, nullptr) != 0)
      workload::usage("crowd: cannot start so many threads");
  }
  pthread_attr_destroy(&attributes);
}

void start_processes(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_for_ever();
  }
}

void fight(uint64_t from_ns, uint64_t until_ns) {
  workload::sleep_ns(from_ns - std::min(from_ns, workload::now_ns()));
  while (workload::now_ns() < until_ns) {
    const std::lock_guard<std::mutex> guard(hot_lock);
    workload::sleep_ns(200'000);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const uint64_t count = arguments.number(1, 10'000);
  const auto threads = static_cast<unsigned>(arguments.number(2, 2));
  const uint64_t length_ns = arguments.number(3, 2) * 1'000'000'000;
  const auto hot = static_cast<unsigned>(arguments.number(4, 0));
  const uint64_t pause_ns = arguments.number(7, 0) * 1000;
  prctl(PR_SET_TIMERSLACK, 1);  // inherited by the threads below

  start_processes(arguments.number(6, 0));
  start_idle(arguments.number(5, 0));
  // Words lie apart as they do in objects of a cache line each.
  struct alignas(64) Slot {
    workload::Word word{0};
  };
  std::vector<Slot> slots(std::max<uint64_t>(count, 1));
  std::vector<workload::Truth> truths(threads);
  std::atomic<uint64_t> begin_ns{0};
  workload::Crew crew(threads + hot, [&](unsigned index) {
    if (index >= threads) {
      fight(begin_ns + length_ns / 2, begin_ns + length_ns);
      return;
    }
    const timespec timeout = workload::as_timespec(1000);
    for (uint64_t slot = index; workload::now_ns() < begin_ns + length_ns; slot += threads) {
      truths[index].measure([&] {
        return workload::futex(slots[slot % slots.size()].word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0,
                               &timeout);
      });
      if (pause_ns != 0) workload::sleep_ns(pause_ns);
    }
  });
  workload::ready_then_go(
      workload::Json().number("pid", static_cast<uint64_t>(getpid())).address("lock", &hot_lock));
  begin_ns = workload::now_ns();
  crew.go();
  crew.wait();
  workload::Truth total;
  for (const workload::Truth& truth : truths) total += truth;
  workload::done_then_exit(total.json().number("elapsed_ns", workload::now_ns() - begin_ns));
}
