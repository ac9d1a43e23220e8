#include "app/cpu_use.h"

#include <algorithm>

#include "model/clock.h"

namespace cw {

void CpuUse::look(const Activity& activity) {
  constexpr double kNew = 0.25;
  const std::uint64_t now = monotonic_ns();
  const double elapsed = std::max(1.0, static_cast<double>(now - look_ns_));
  look_ns_ = now;
  spent_ns_ = 0;
  std::unordered_map<std::int32_t, Known> known;
  for (const auto& [pid, running] : activity.processes()) {
    Known& process = known[pid];
    const auto before = known_.find(pid);
    if (before != known_.end()) process = before->second;
    const std::uint64_t cpu_ns = running.times.cpu_ns + running.times.ended_cpu_ns;
    if (before != known_.end()) {
      // A thread that ends while all are listed may be in both sums, or in neither.
      const double most = elapsed * static_cast<double>(running.times.threads);
      const double spent =
          std::min(most, static_cast<double>(cpu_ns - std::min(cpu_ns, process.cpu_ns)));
      spent_ns_ += static_cast<std::uint64_t>(spent);
      process.use.lately = spent / elapsed;
      // From nothing up: a short burst is not to look like a busy time.
      process.use.mean = (1 - kNew) * process.use.mean + kNew * process.use.lately;
    }
    process.cpu_ns = cpu_ns;
  }
  known_ = std::move(known);
}

CpuUse::Use CpuUse::of(std::int32_t pid) const {
  const auto found = known_.find(pid);
  return found == known_.end() ? Use{} : found->second.use;
}

}  // namespace cw
