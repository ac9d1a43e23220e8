#include "process/sleep_sampler.h"

#include <fmt/format.h>
#include <seccomp.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "process/proc.h"
#include "process/waiting_threads.h"

namespace cw {

std::string syscall_name(std::int64_t number, bool with_32bit_numbers) {
  if (number < 0) return "no system call";  // a page fault, or stopped by a signal or a tracer
#if defined(__x86_64__)
  constexpr std::uint32_t k32bitAbi = SCMP_ARCH_X86;
#else
  constexpr std::uint32_t k32bitAbi = SCMP_ARCH_ARM;
#endif
  const std::uint32_t abi = with_32bit_numbers ? k32bitAbi : std::uint32_t{SCMP_ARCH_NATIVE};
  const auto release = [](char* name) { std::free(name); };
  if (number <= INT32_MAX) {
    const std::unique_ptr<char, decltype(release)> name(
        seccomp_syscall_resolve_num_arch(abi, static_cast<int>(number)), release);
    if (name) return name.get();
  }
  return fmt::format("syscall {}", number);
}

SleepCounts SleepSampler::look(std::int32_t pid) {
  const auto tids = tids_of(pid);
  if (tids.empty()) return {};
  const bool with_32bit_numbers = is_32bit(pid);
  const std::size_t looked_at = std::min(tids.size(), kThreadsPerLook);
  const double scale = static_cast<double>(tids.size()) / static_cast<double>(looked_at);
  std::uniform_real_distribution<double> fraction(0.0, 1.0);
  const double start = looked_at == tids.size() ? 0.0 : fraction(random_) * scale;

  std::map<std::int64_t, std::uint64_t> asleep;
  for (std::size_t i = 0; i < looked_at; ++i) {
    const auto index = static_cast<std::size_t>(start + static_cast<double>(i) * scale);
    const auto call = blocked_call(pid, tids[std::min(index, tids.size() - 1)]);
    if (call && !is_futex_call(pid, *call, with_32bit_numbers)) ++asleep[call->number];
  }
  SleepCounts counts;
  for (const auto& [number, count] : asleep) {
    const double rounding = looked_at == tids.size() ? 0.0 : fraction(random_);
    counts[syscall_name(number, with_32bit_numbers)] +=
        static_cast<std::uint64_t>(std::floor(static_cast<double>(count) * scale + rounding));
  }
  return counts;
}

}  // namespace cw
