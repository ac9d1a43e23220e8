#include "app/self_cost.h"

#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <limits>

namespace cw {
namespace {

constexpr int kLoops = 8;
constexpr int kCallsALoop = 500;

std::uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename Call>
double best_ns(Call call) {
  double best = std::numeric_limits<double>::max();
  for (int loop = 0; loop < kLoops; loop++) {
    const std::uint64_t begin = now_ns();
    for (int i = 0; i < kCallsALoop; i++) call();
    best = std::min(best, static_cast<double>(now_ns() - begin) / kCallsALoop);
  }
  return best;
}

}  // namespace

CallCosts measure_calls() {
  static std::uint32_t word = 0;
  return CallCosts{.plain_syscall_ns = best_ns([] { syscall(SYS_getppid); }),
                   .futex_wake_ns = best_ns([] { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1); })};
}

SelfUse self_use() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_usec) * 1000U;
  };
  SelfUse use{.cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime), .rss_bytes = 0};
  if (FILE* file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    unsigned long total = 0;
    unsigned long resident = 0;
    if (std::fscanf(file, "%lu %lu", &total, &resident) == 2)
      use.rss_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    static_cast<void>(std::fclose(file));
  }
  return use;
}

}  // namespace cw
