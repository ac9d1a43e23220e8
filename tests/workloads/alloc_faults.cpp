// Maps memory, touches it and gives it back, at a known rate.
//   alloc_faults [SECONDS=4] [PAGES=64] [EVERY_MS=2]
// ready: pid
// done:  rounds (each: one mmap, one munmap, one madvise, PAGES first touches), elapsed_ns

#include <sys/mman.h>

#include "workload.h"

namespace {

[[gnu::noinline]] void touch_pages(char* memory, uint64_t pages) {
  for (uint64_t page = 0; page < pages; ++page) {
    volatile char* const byte = memory + page * 4096;
    *byte = 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const uint64_t seconds = arguments.number(1, 4);
  const uint64_t pages = arguments.number(2, 64);
  const uint64_t every_ms = arguments.number(3, 2);
  workload::ready_then_go(workload::Json().number("pid", static_cast<uint64_t>(getpid())));
  const uint64_t begin = workload::now_ns();
  uint64_t rounds = 0;
  for (uint64_t next = begin; workload::now_ns() < begin + seconds * 1'000'000'000U; ++rounds) {
    void* const memory =
        mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    madvise(memory, pages * 4096, MADV_NOHUGEPAGE);
    touch_pages(static_cast<char*>(memory), pages);
    munmap(memory, pages * 4096);
    next += every_ms * 1'000'000;
    const uint64_t now = workload::now_ns();
    if (next > now) workload::sleep_ns(next - now);
  }
  workload::done_then_exit(
      workload::Json().number("rounds", rounds).number("elapsed_ns", workload::now_ns() - begin));
}
