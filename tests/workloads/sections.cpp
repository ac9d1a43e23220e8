// Threads that take locks in every way a C library has, and count what they do.
//   sections WAY [THREADS=4] [SECONDS=2] [HOLD_US=20] [PAUSE_US=100]
// THREADS: beside the first one; 0: that does the work itself, and counts nothing.
// WAY: plain      one mutex
//      robust, pi, checked, adaptive   the same of other kinds
//      recursive  one mutex, taken three times over
//      try        one mutex, tried until it is had; most tries fail
//      timed      one mutex, with time-outs of which some pass
//      rwlock     one rwlock; three of four take it for reading
//      condition  a queue of turns: waits on a condition below the mutex
//      nested     a second mutex within the first
//      sleeping   one mutex, held asleep
//      fork       one mutex, and children that take it too, or begin another program
// HOLD_US: CPU time burnt (sleeping: slept) under the lock. PAUSE_US: slept outside it; 0: none.
// ready: pid, lock
// fork: `reads` are children, `failed` those that did not end well.
// done:  elapsed_ns, locks[{address, acquisitions, per_s, hold_mean_ns, hold_p50_ns, reads,
// failed}]

#include <pthread.h>
#include <sys/wait.h>

#include "workload.h"

pthread_mutex_t first_lock;       // NOLINT(misc-use-internal-linkage): looked up by name
pthread_mutex_t second_lock;      // NOLINT(misc-use-internal-linkage)
pthread_rwlock_t shared_lock;     // NOLINT(misc-use-internal-linkage)
pthread_cond_t turn_has_changed;  // NOLINT(misc-use-internal-linkage)

namespace {

constexpr size_t kKept = 1 << 16;

struct alignas(64) Holds {
  uint64_t count = 0;
  uint64_t sum_ns = 0;
  uint64_t reads = 0;
  uint64_t failed = 0;
  std::vector<uint32_t> kept;

  void add(uint64_t ns) {
    if (kept.size() < kKept) kept.push_back(static_cast<uint32_t>(ns));
    ++count;
    sum_ns += ns;
  }
};

struct Share {
  Holds first;
  Holds second;
};

uint64_t hold_ns = 0;
uint64_t pause_us = 0;
unsigned crew_size = 1;
unsigned turn = 0;
std::atomic<bool> stop{false};

void burn(uint64_t ns) {
  const uint64_t until = workload::now_ns() + ns;
  while (workload::now_ns() < until) {
  }
}

void sleep_us(uint64_t us) {
  const timespec time{.tv_sec = static_cast<time_t>(us / 1'000'000),
                      .tv_nsec = static_cast<long>(us % 1'000'000 * 1000)};
  nanosleep(&time, nullptr);
}

// Each thread's pauses differ, so that they do not meet in step.
void rest(unsigned index, uint64_t round) {
  if (pause_us != 0)
    sleep_us(pause_us / 2 + (uint64_t{index} * 7919 + round * 104729) % (pause_us + 1));
}

void hold(Holds& holds, uint64_t got) {
  burn(hold_ns - std::min(hold_ns, workload::now_ns() - got));
  holds.add(workload::now_ns() - got);
}

[[gnu::noinline]] void plain(Share& share) {
  if (pthread_mutex_lock(&first_lock) != 0) _exit(1);
  hold(share.first, workload::now_ns());
  pthread_mutex_unlock(&first_lock);
}

[[gnu::noinline]] void sleeping(Share& share) {
  pthread_mutex_lock(&first_lock);
  const uint64_t got = workload::now_ns();
  sleep_us(hold_ns / 1000);
  share.first.add(workload::now_ns() - got);
  pthread_mutex_unlock(&first_lock);
}

[[gnu::noinline]] void recursive(Share& share) {
  pthread_mutex_lock(&first_lock);
  const uint64_t got = workload::now_ns();
  for (int i = 0; i < 2; ++i) pthread_mutex_lock(&first_lock);
  burn(hold_ns - std::min(hold_ns, workload::now_ns() - got));
  for (int i = 0; i < 2; ++i) pthread_mutex_unlock(&first_lock);
  share.first.add(workload::now_ns() - got);
  pthread_mutex_unlock(&first_lock);
}

// By the only thread that forks.
void bear_child(Share& share, uint64_t round) {
  const pid_t child = fork();
  if (child == 0) {
    if (round % 2 == 0) execl("/bin/true", "true", nullptr);
    for (int i = 0; i < 1000; ++i) {
      pthread_mutex_lock(&second_lock);
      pthread_mutex_unlock(&second_lock);
    }
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) ++share.first.failed;
  ++share.first.reads;
}

[[gnu::noinline]] void tried(Share& share) {
  while (pthread_mutex_trylock(&first_lock) != 0) {
    ++share.first.failed;
    sleep_us(50);
    if (stop) return;
  }
  hold(share.first, workload::now_ns());
  pthread_mutex_unlock(&first_lock);
}

[[gnu::noinline]] void timed(Share& share) {
  timespec until{};
  static_cast<void>(clock_gettime(CLOCK_REALTIME, &until));
  until.tv_nsec += 20'000;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  if (pthread_mutex_timedlock(&first_lock, &until) != 0) {
    ++share.first.failed;
    return;
  }
  hold(share.first, workload::now_ns());
  pthread_mutex_unlock(&first_lock);
}

[[gnu::noinline]] void read_or_write(Share& share, uint64_t round) {
  const bool reads = round % 4 != 0;
  if (reads)
    pthread_rwlock_rdlock(&shared_lock);
  else
    pthread_rwlock_wrlock(&shared_lock);
  share.first.reads += reads ? 1 : 0;
  hold(share.first, workload::now_ns());
  pthread_rwlock_unlock(&shared_lock);
}

// Two sections a round: up to the wait, and from there to the end.
[[gnu::noinline]] void take_turns(Share& share, unsigned index) {
  pthread_mutex_lock(&first_lock);
  uint64_t got = workload::now_ns();
  while (turn != index && !stop) {
    share.first.add(workload::now_ns() - got);
    pthread_cond_wait(&turn_has_changed, &first_lock);
    got = workload::now_ns();
  }
  turn = (turn + 1) % crew_size;
  burn(hold_ns - std::min(hold_ns, workload::now_ns() - got));
  pthread_cond_broadcast(&turn_has_changed);
  share.first.add(workload::now_ns() - got);
  pthread_mutex_unlock(&first_lock);
}

[[gnu::noinline]] void nested(Share& share) {
  pthread_mutex_lock(&first_lock);
  const uint64_t got = workload::now_ns();
  for (int i = 0; i < 4; ++i) {
    pthread_mutex_lock(&second_lock);
    const uint64_t inner = workload::now_ns();
    burn(hold_ns / 8);
    share.second.add(workload::now_ns() - inner);
    pthread_mutex_unlock(&second_lock);
    burn(hold_ns / 8);
  }
  share.first.add(workload::now_ns() - got);
  pthread_mutex_unlock(&first_lock);
}

void work(const std::string& way, Share& share, unsigned index) {
  for (uint64_t round = index; !stop.load(std::memory_order_relaxed); ++round) {
    if (way == "recursive")
      recursive(share);
    else if (way == "try")
      tried(share);
    else if (way == "timed")
      timed(share);
    else if (way == "rwlock")
      read_or_write(share, round);
    else if (way == "condition")
      take_turns(share, index);
    else if (way == "nested")
      nested(share);
    else if (way == "sleeping")
      sleeping(share);
    else
      plain(share);
    if (way == "fork" && index == 0 && round % 64 == 0) bear_child(share, round / 64);
    rest(index, round);
  }
  pthread_cond_broadcast(&turn_has_changed);
}

// With no other thread there is nobody to wait for.
void work_alone(uint64_t until_ns) {
  Share share;
  while (workload::now_ns() < until_ns) {
    plain(share);
    rest(0, share.first.count);
  }
}

void make_locks(const std::string& way) {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  if (way == "recursive") pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
  if (way == "checked") pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
  if (way == "robust") pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
  if (way == "pi") pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
#ifdef __GLIBC__
  if (way == "adaptive") pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
  pthread_mutex_init(&first_lock, &kind);
  pthread_mutex_init(&second_lock, nullptr);
  pthread_rwlock_init(&shared_lock, nullptr);
  pthread_cond_init(&turn_has_changed, nullptr);
}

std::string row(const void* address, const std::vector<const Holds*>& shares, uint64_t elapsed) {
  Holds sum;
  for (const Holds* share : shares) {
    sum.count += share->count;
    sum.sum_ns += share->sum_ns;
    sum.reads += share->reads;
    sum.failed += share->failed;
    sum.kept.insert(sum.kept.end(), share->kept.begin(), share->kept.end());
  }
  uint64_t median = 0;
  if (!sum.kept.empty()) {
    const auto middle = sum.kept.begin() + static_cast<std::ptrdiff_t>(sum.kept.size() / 2);
    std::nth_element(sum.kept.begin(), middle, sum.kept.end());
    median = *middle;
  }
  return workload::Json()
      .address("address", address)
      .number("acquisitions", sum.count)
      .number("per_s", sum.count * 1'000'000'000 / elapsed)
      .number("hold_mean_ns", sum.count == 0 ? 0 : sum.sum_ns / sum.count)
      .number("hold_p50_ns", median)
      .number("reads", sum.reads)
      .number("failed", sum.failed)
      .str();
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string way = arguments.text(1, "plain");
  crew_size = static_cast<unsigned>(arguments.number(2, 4));
  const uint64_t seconds = arguments.number(3, 2);
  hold_ns = arguments.number(4, 20) * 1000;
  pause_us = arguments.number(5, 100);
  make_locks(way);

  std::vector<Share> shares(crew_size);
  for (Share& share : shares) {
    share.first.kept.reserve(kKept);
    share.second.kept.reserve(kKept);
  }
  workload::Crew crew(crew_size, [&](unsigned index) { work(way, shares[index], index); });
  const void* const lock = way == "rwlock" ? static_cast<const void*>(&shared_lock) : &first_lock;
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("lock", lock)
                              .numbers("tids", crew.tids()));
  const uint64_t begin = workload::now_ns();
  crew.go();
  if (crew_size == 0) work_alone(begin + seconds * 1'000'000'000);
  workload::sleep_ms(crew_size == 0 ? 0 : seconds * 1000);
  stop = true;
  pthread_cond_broadcast(&turn_has_changed);
  const uint64_t elapsed = workload::now_ns() - begin;
  crew.wait();

  std::vector<const Holds*> firsts;
  std::vector<const Holds*> seconds_of;
  for (const Share& share : shares) {
    firsts.push_back(&share.first);
    seconds_of.push_back(&share.second);
  }
  std::vector<std::string> rows{row(lock, firsts, elapsed)};
  if (way == "nested") rows.push_back(row(&second_lock, seconds_of, elapsed));
  workload::done_then_exit(workload::Json().number("elapsed_ns", elapsed).list("locks", rows));
}
