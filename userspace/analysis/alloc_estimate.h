// How often a process allocates, from windows in which probes slowed it down.
//
// A probed thread runs slower, so counting in a window undercounts. The windows take turns over
// three sets of probes, and with t the window time per operation
//
//   t = t(allocations probed) + t(frees probed) - t(both probed)
//
// is the time per operation with no probes: what the probes cost cancels, whatever it is, for busy
// threads as for threads that are paced from outside.
//
// Where threads never sleep, t is not the window's time but theirs, less what they lacked a CPU,
// and the rate is the number of threads that had one, divided by t: how much others leave them
// changes from window to window, and is known better from elsewhere. Threads that do sleep make up
// for what probes cost them, as far as they sleep: there the truth lies between what windows with
// one kind of probes count and what is extrapolated. And where probes take next to nothing,
// counting may be as good: of the two, the one with the narrower interval is believed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "model/alloc_snapshot.h"
#include "model/report.h"

namespace cw {

struct AllocEstimate {
  Estimate allocs_per_s;
  Estimate frees_per_s;
  Estimate bytes_per_s;
};

// Windows of each set that an estimate needs at least.
inline constexpr std::size_t kFewestWindows = 4;

// What else is known of a process.
struct AllocContext {
  // What a probe costs about; only decides whether extrapolating is worth its wider interval.
  double hit_ns = 0;
  std::optional<double> on_cpu;  // threads, mean over the interval
  std::optional<double> runnable;
};

// Whether threads, mean numbers of them, lack a CPU for more than so many times as long as they
// have one; false where that is not known.
bool lack_cpu(const std::optional<double>& running, const std::optional<double>& runnable,
              double times);

// Its threads wait for a CPU for more than ten times as long as they have one: they run in gusts,
// which windows meet or miss. Seen to give rates of nothing with an interval of nothing.
bool is_crowded(const AllocContext& context);

// 95 % intervals, from the scatter of the windows. Empty when there are too few of them, and when
// threads that sleep are crowded.
std::optional<AllocEstimate> estimate_rates(std::span<const AllocWindow> windows,
                                            const AllocContext& context);

// The two-sided 95 % quantile of Student's t distribution.
double student_quantile(double degrees_of_freedom);

}  // namespace cw
