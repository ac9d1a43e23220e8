#include "app/self_cost.h"

#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>

#include "model/clock.h"

namespace cw {
namespace {

constexpr int kLoops = 8;
constexpr int kCallsALoop = 500;

template <typename Call>
double best_ns(Call call) {
  double best = std::numeric_limits<double>::max();
  for (int loop = 0; loop < kLoops; loop++) {
    const std::uint64_t begin = monotonic_ns();
    for (int i = 0; i < kCallsALoop; i++) call();
    best = std::min(best, static_cast<double>(monotonic_ns() - begin) / kCallsALoop);
  }
  return best;
}

}  // namespace

CallCosts measure_calls() {
  static std::uint32_t word = 0;
  return CallCosts{
      .plain_syscall_ns = best_ns([] { syscall(SYS_getppid); }),
      .futex_wake_ns = best_ns([] { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1); }),
      .futex_wait_ns = best_ns([] { syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, nullptr); })};
}

SelfUse self_use() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_usec) * 1000U;
  };
  SelfUse use{.cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime), .rss_bytes = 0};
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> total_pages >> resident_pages)
    use.rss_bytes = resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return use;
}

}  // namespace cw
