// Allocates and counts what it allocates, by site and in all.
//   alloc_work [MODE=busy] [THREADS=1] [SECONDS=5] [SPIN=200] [BATCH=20]
// MODE: busy   blocks from two sites, 3 of 4 of 48 bytes and 1 of 4 of 1,000, each freed at once;
//              SPIN rounds of other work between them; SECONDS=0: until it is told to stop
//       paced  the same, in batches of BATCH each millisecond
//       once   1,000 blocks when it starts, then none
//       throw  operator new that fails with std::bad_alloc, over and over
//       fork   the same as busy, and a child that allocates and exits every 2 ms
// ready: pid, tids[]
// done:  allocs, bytes, elapsed_ns, per_s, failed (children that did not exit with 0)

#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "workload.h"

namespace {

std::atomic<bool> stop{false};

struct alignas(64) Count {
  uint64_t allocs = 0;
  uint64_t bytes = 0;
};

void use(void* block) {
  asm volatile("" : : "r"(block) : "memory");
}

[[gnu::noinline]] void* parse_order() {
  void* const block = std::malloc(48);
  use(block);
  return block;
}

[[gnu::noinline]] void* load_row() {
  void* const block = std::malloc(1000);
  use(block);
  return block;
}

[[gnu::noinline]] void spin(uint64_t rounds) {
  for (uint64_t i = 0; i < rounds; ++i) asm volatile("" : : : "memory");
}

[[gnu::noinline]] void one_block(Count& count) {
  const bool large = count.allocs % 4 == 3;
  void* const block = large ? load_row() : parse_order();
  std::free(block);
  ++count.allocs;
  count.bytes += large ? 1000 : 48;
}

void busy(Count& count, uint64_t rounds) {
  while (!stop.load(std::memory_order_relaxed)) {
    one_block(count);
    spin(rounds);
  }
}

void paced(Count& count, uint64_t rounds, uint64_t batch) {
  for (uint64_t next = workload::now_ns(); !stop; next += 1'000'000) {
    for (uint64_t i = 0; i < batch; ++i) {
      one_block(count);
      spin(rounds);
    }
    const uint64_t now = workload::now_ns();
    if (next > now) workload::sleep_ns(next - now);
  }
}

void once(Count& count) {
  for (int i = 0; i < 1000; ++i) one_block(count);
  while (!stop) workload::sleep_ms(20);
}

void fail(Count& count) {
  const volatile size_t impossible = ~size_t{0} / 4;
  while (!stop) {
    try {
      use(::operator new(impossible));
    } catch (const std::bad_alloc&) {
      ++count.allocs;
    }
  }
}

uint64_t fork_children(uint64_t until) {
  uint64_t failed = 0;
  while (workload::now_ns() < until) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 100; ++i) std::free(parse_order());
      _exit(0);
    }
    int status = -1;
    if (child > 0) waitpid(child, &status, 0);
    if (status != 0) ++failed;
    workload::sleep_ms(2);
  }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string mode = arguments.text(1, "busy");
  const auto threads = static_cast<unsigned>(arguments.number(2, 1));
  const uint64_t seconds = arguments.number(3, 5);
  const uint64_t rounds = arguments.number(4, 200);
  const uint64_t batch = arguments.number(5, 20);
  if (mode != "busy" && mode != "paced" && mode != "once" && mode != "throw" && mode != "fork")
    workload::usage("alloc_work busy|paced|once|throw|fork [THREADS] [SECONDS] [SPIN] [BATCH]");

  std::vector<Count> counts(threads);
  workload::Crew crew(threads, [&](unsigned index) {
    Count& count = counts[index];
    if (mode == "busy" || mode == "fork") busy(count, rounds);
    if (mode == "paced") paced(count, rounds, batch);
    if (mode == "once") once(count);
    if (mode == "throw") fail(count);
  });
  workload::ready_then_go(
      workload::Json().number("pid", static_cast<uint64_t>(getpid())).numbers("tids", crew.tids()));
  const uint64_t begin = workload::now_ns();
  crew.go();
  uint64_t failed = 0;
  if (mode == "fork")
    failed = fork_children(begin + seconds * 1'000'000'000U);
  else
    workload::work_for(seconds);
  stop = true;
  const uint64_t elapsed = workload::now_ns() - begin;
  crew.wait();
  uint64_t allocs = 0;
  uint64_t bytes = 0;
  for (const Count& count : counts) {
    allocs += count.allocs;
    bytes += count.bytes;
  }
  workload::done_then_exit(workload::Json()
                               .number("allocs", allocs)
                               .number("bytes", bytes)
                               .number("elapsed_ns", elapsed)
                               .number("per_s", allocs * 1'000'000'000 / elapsed)
                               .number("failed", failed));
}
