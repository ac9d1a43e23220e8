#include "analysis/processes.h"

#include <algorithm>
#include <functional>
#include <map>

#include "analysis/verdict.h"

namespace cw {
namespace {

struct Samples {
  const ProcessSample* before = nullptr;
  const ProcessSample* after = nullptr;
};

// Added by threads that ended in the interval, their whole life: the part of it that lies before
// the interval is in the first sample.
struct Exited {
  std::uint64_t cpu_ns = 0;
  std::uint64_t delay_ns = 0;
};

struct Waiting {
  double on_locks = 0;
  double idle = 0;
};

double mean_threads(const Samples& samples) {
  const std::uint64_t before = samples.before == nullptr ? 0 : samples.before->threads;
  const std::uint64_t after = samples.after == nullptr ? 0 : samples.after->threads;
  const bool both = samples.before != nullptr && samples.after != nullptr;
  return static_cast<double>(before + after) / (both ? 2 : 1);
}

ThreadsMean threads_mean(const Samples& samples, const Exited& exited, const Waiting& waiting,
                         double length_ns) {
  ThreadsMean mean{.lock_wait = waiting.on_locks, .idle_wait = waiting.idle};
  const double threads = mean_threads(samples);
  if (length_ns > 0) {
    const auto sum = [&](std::uint64_t ProcessSample::* field, std::uint64_t ended) {
      const std::uint64_t first = samples.before == nullptr ? 0 : samples.before->*field;
      const std::uint64_t last = samples.after == nullptr ? 0 : samples.after->*field;
      return static_cast<double>(grown_by(first, last + ended)) / length_ns;
    };
    mean.on_cpu = sum(&ProcessSample::cpu_ns, exited.cpu_ns);
    mean.runnable = sum(&ProcessSample::run_delay_ns, exited.delay_ns);
    // First seen in this interval: what it used before that is in its counters too.
    if (samples.before == nullptr) {
      mean.on_cpu = std::min(mean.on_cpu, threads);
      mean.runnable = std::min(mean.runnable, threads - mean.on_cpu);
    }
  }
  mean.other =
      std::max(0.0, threads - mean.on_cpu - mean.runnable - mean.lock_wait - mean.idle_wait);
  return mean;
}

std::vector<SleepShare> sleeping_in(const ProcessSample& sample) {
  std::vector<SleepShare> shares;
  if (sample.looks == 0) return shares;
  for (const auto& [syscall, threads] : sample.asleep_in)
    if (!syscall.starts_with("futex") && threads != 0)
      shares.push_back(
          {.syscall = syscall,
           .threads_mean = static_cast<double>(threads) / static_cast<double>(sample.looks)});
  std::ranges::sort(shares, std::ranges::greater{}, &SleepShare::threads_mean);
  return shares;
}

ProcessReport process_report(const ProcessSample& sample, bool ended, const ThreadsMean& mean,
                             double length_s) {
  return {.pid = sample.pid,
          .comm = sample.comm,
          .exe = sample.exe,
          .cgroup = sample.cgroup,
          .threads = ended ? 0 : sample.threads,
          .cpu_s = mean.on_cpu * length_s,
          .runtimes = sample.runtimes,
          .allocators = sample.allocators,
          .threads_mean = mean,
          .sleeping_in = ended ? std::vector<SleepShare>{} : sleeping_in(sample),
          .ended = ended};
}

}  // namespace

std::vector<ProcessReport> process_reports(const Interval& interval,
                                           const std::vector<ProcessSample>& before,
                                           const std::vector<ProcessSample>& after,
                                           const std::vector<Lock>& locks,
                                           const Background& background) {
  std::map<std::int32_t, Samples> samples;
  for (const ProcessSample& sample : before) samples[sample.pid].before = &sample;
  for (const ProcessSample& sample : after) samples[sample.pid].after = &sample;

  std::map<std::int32_t, Exited> exited;
  for (const auto& [id, image] : interval.images) {
    exited[image.pid].cpu_ns += image.exited_cpu_ns;
    exited[image.pid].delay_ns += image.exited_delay_ns;
  }
  std::map<std::int32_t, Waiting> waiting;
  for (const Lock& lock : locks) {
    if (lock.report.goroutines) continue;
    for (const auto& [pid, mean] : lock.waiting_by_pid)
      (counts_as_lock(lock) ? waiting[pid].on_locks : waiting[pid].idle) += mean;
  }
  for (const auto& [pid, mean] : background.on_locks) waiting[pid].on_locks += mean;
  for (const auto& [pid, mean] : background.idle) waiting[pid].idle += mean;

  const auto length_ns = static_cast<double>(interval.length_ns());
  std::vector<ProcessReport> reports;
  for (const auto& [pid, both] : samples) {
    const ThreadsMean mean = threads_mean(both, exited[pid], waiting[pid], length_ns);
    const bool ended = both.after == nullptr;
    reports.push_back(
        process_report(ended ? *both.before : *both.after, ended, mean, interval.length_s()));
  }
  std::ranges::sort(reports, std::ranges::greater{},
                    [](const ProcessReport& report) { return report.threads_mean.lock_wait; });
  return reports;
}

bool has_runtime(const ProcessReport& process, std::string_view name) {
  return std::ranges::any_of(process.runtimes, [&](const std::string& runtime) {
    return runtime == name || runtime.starts_with(std::string(name) + ' ');
  });
}

}  // namespace cw
