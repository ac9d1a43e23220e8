// Samples of the processes that are reported on: what they used, and where their threads sleep.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "app/activity.h"
#include "app/target_symbols.h"
#include "model/process_sample.h"
#include "process/sleep_sampler.h"

namespace cw {

class ProcessSamples {
 public:
  // Where the threads of those sampled last sleep; a few times between samples.
  void look(const Activity& activity);
  // Of those that are alive, with the looks since the last call.
  std::vector<ProcessSample> take(const std::vector<std::int32_t>& pids, const Activity& activity,
                                  TargetSymbols& symbols);

 private:
  struct Known {
    // As read when the process last had run; see Activity::Process.
    std::uint64_t described = 0;
    unsigned stale = 0;         // samples for which that was not done again
    ProcessSample description;  // what does not change often unless it runs
    std::uint64_t looked = 0;
    SleepCounts asleep;
    // Since the last samples.
    SleepCounts sum;
    std::uint64_t looks = 0;
  };
  static void describe(std::int32_t pid, std::uint64_t ran, TargetSymbols& symbols, Known& known);

  SleepSampler sleeps_;
  std::unordered_map<std::int32_t, Known> known_;  // those sampled last
};

}  // namespace cw
