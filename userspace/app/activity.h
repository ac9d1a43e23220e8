// Which watched processes ran and what they used, told by the kernel in one pass. What was read of
// one that has not run since need not be read again: of thousands, most wait.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "model/process_times.h"

namespace cw {

class Activity {
 public:
  struct Process {
    ProcessTimes times;
    // Another number once a thread of it has run: what ran while we looked counts as having run
    // after that. Never 0.
    std::uint64_t ran = 0;
  };

  void update(const std::unordered_map<std::int32_t, ProcessTimes>& times);

  // As of the last update: watched and alive.
  [[nodiscard]] const std::unordered_map<std::int32_t, Process>& processes() const {
    return processes_;
  }
  [[nodiscard]] std::optional<ProcessTimes> times(std::int32_t pid) const;
  // 0: there is no such process.
  [[nodiscard]] std::uint64_t ran(std::int32_t pid) const;

 private:
  std::unordered_map<std::int32_t, Process> processes_;
  std::uint64_t updates_ = 0;
};

}  // namespace cw
