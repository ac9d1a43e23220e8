// Threads fighting over one std::mutex.
//   mutex4 [THREADS=4] [SECONDS=2] [HOLD_US=20] [PAUSE_US=0]
// HOLD_US: CPU time burnt under the lock (0: one increment). PAUSE_US: burnt outside it.
// ready: pid, lock, tids[]
// done:  acquisitions, contended (those that found the lock taken by another), lock_ns (sum around
//        lock()), hold_ns (sum under it), elapsed_ns, per_s, threads[{tid, acquisitions, lock_ns}]

#include <mutex>

#include "workload.h"

std::mutex hot_lock;  // NOLINT(misc-use-internal-linkage): the tests look it up by name

namespace {

struct alignas(64) Share {
  uint64_t acquisitions = 0;
  uint64_t contended = 0;
  uint64_t lock_ns = 0;
  uint64_t hold_ns = 0;
};

uint64_t hold = 0;
uint64_t pause_between = 0;
uint64_t guarded = 0;
std::atomic<bool> stop{false};

void burn(uint64_t ns) {
  if (ns == 0) return;
  const uint64_t until = workload::now_ns() + ns;
  while (workload::now_ns() < until) {
  }
}

// Looking at the word first is the only way to know without changing how the lock behaves.
bool taken() {
  return *reinterpret_cast<const volatile int*>(hot_lock.native_handle()) != 0;
}

[[gnu::noinline]] void contend(Share& share) {
  while (!stop.load(std::memory_order_relaxed)) {
    share.contended += taken() ? 1 : 0;
    const uint64_t asked = workload::now_ns();
    hot_lock.lock();
    const uint64_t got = workload::now_ns();
    ++guarded;
    burn(hold);
    share.hold_ns += workload::now_ns() - got;
    hot_lock.unlock();
    ++share.acquisitions;
    share.lock_ns += got - asked;
    burn(pause_between);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const auto threads = static_cast<unsigned>(arguments.number(1, 4));
  const uint64_t seconds = arguments.number(2, 2);
  hold = arguments.number(3, 20) * 1000;
  pause_between = arguments.number(4, 0) * 1000;

  std::vector<Share> shares(threads);
  workload::Crew crew(threads, [&](unsigned index) { contend(shares[index]); });
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("lock", &hot_lock)
                              .numbers("tids", crew.tids()));
  const uint64_t begin = workload::now_ns();
  crew.go();
  workload::sleep_ms(seconds * 1000);
  stop = true;
  const uint64_t elapsed = workload::now_ns() - begin;
  crew.wait();

  Share total;
  std::vector<std::string> rows;
  for (unsigned index = 0; index < threads; ++index) {
    const Share& share = shares[index];
    total.acquisitions += share.acquisitions;
    total.contended += share.contended;
    total.lock_ns += share.lock_ns;
    total.hold_ns += share.hold_ns;
    rows.push_back(workload::Json()
                       .number("tid", static_cast<uint64_t>(crew.tids()[index]))
                       .number("acquisitions", share.acquisitions)
                       .number("lock_ns", share.lock_ns)
                       .str());
  }
  workload::done_then_exit(workload::Json()
                               .number("acquisitions", total.acquisitions)
                               .number("contended", total.contended)
                               .number("lock_ns", total.lock_ns)
                               .number("hold_ns", total.hold_ns)
                               .number("elapsed_ns", elapsed)
                               .number("per_s", total.acquisitions * 1'000'000'000 / elapsed)
                               .list("threads", rows));
}
