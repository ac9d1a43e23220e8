#include "app/process_samples.h"

#include <utility>

#include "process/control_group.h"
#include "process/group_limits.h"
#include "process/proc.h"

namespace cw {
namespace {

constexpr unsigned kDescribedAnew = 12;  // samples after which it is, although it rested

}  // namespace

void ProcessSamples::look(const Activity& activity) {
  for (auto& [pid, known] : known_) {
    const auto times = activity.times(pid);
    if (!times) continue;  // it has ended
    const std::uint64_t ran = activity.ran(pid);
    // Of very many threads some are looked at, each time others.
    const bool all_seen = times->threads <= SleepSampler::kThreadsPerLook;
    if (known.looked != ran || !all_seen) known.asleep = sleeps_.look(pid);
    known.looked = ran;
    for (const auto& [syscall, threads] : known.asleep) known.sum[syscall] += threads;
    ++known.looks;
  }
}

void ProcessSamples::describe(std::int32_t pid, std::uint64_t ran, TargetSymbols& symbols,
                              Known& known) {
  ProcessSample& description = known.description;
  // Others may move it to another control group while it rests.
  if (known.described != ran || ++known.stale > kDescribedAnew) {
    known.stale = 0;
    description.pid = pid;
    description.comm = comm_of(pid);
    description.exe = exe_of(pid);
    description.cgroup = group_path_in(membership_of(pid));
  }
  known.described = ran;
  const Runtimes* const runtimes = symbols.runtimes(pid);
  description.runtimes = runtimes == nullptr ? std::vector<std::string>() : runtimes->languages;
  description.allocators = runtimes == nullptr ? std::vector<std::string>() : runtimes->allocators;
}

std::vector<ProcessSample> ProcessSamples::take(const std::vector<std::int32_t>& pids,
                                                const Activity& activity, TargetSymbols& symbols) {
  std::vector<ProcessSample> samples;
  std::unordered_map<std::int32_t, Known> sampled;
  for (const std::int32_t pid : pids) {
    const auto times = activity.times(pid);
    if (!times) continue;
    Known known = std::move(known_[pid]);
    describe(pid, activity.ran(pid), symbols, known);
    ProcessSample& sample = samples.emplace_back(known.description);
    sample.threads = times->threads;
    sample.cpu_ns = times->cpu_ns;
    sample.run_delay_ns = times->run_delay_ns;
    sample.asleep_in = std::exchange(known.sum, {});
    sample.looks = std::exchange(known.looks, 0);
    sampled.emplace(pid, std::move(known));
  }
  known_ = std::move(sampled);
  return samples;
}

}  // namespace cw
