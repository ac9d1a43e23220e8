// Which processes have time series of their own for memory: those with most to do in the last
// interval; the others are added up.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "model/report.h"

namespace cw {

struct ProcessLabels {
  std::string comm;
  std::string pid;  // empty: not asked for

  auto operator<=>(const ProcessLabels&) const = default;
};

// Of one interval, a second. Empty: not watched, or too little was seen.
struct MemoryRates {
  std::optional<double> allocs;
  std::optional<double> frees;
  std::optional<double> alloc_bytes;
  std::optional<double> followed;     // allocations of allocators whose blocks' lives are known
  std::optional<double> short_lived;  // of them: freed within kShortLifeNs
  std::optional<double> minor_faults;
  std::optional<double> major_faults;

  MemoryRates& operator+=(const MemoryRates& more);
  [[nodiscard]] std::optional<double> short_lived_ratio() const;
};

class ProcessSeries {
 public:
  ProcessSeries(std::size_t named, bool with_pid) : limit_(named), with_pid_(with_pid) {}

  void add(const Report& report);

  [[nodiscard]] const std::map<ProcessLabels, MemoryRates>& named() const { return named_; }
  [[nodiscard]] const MemoryRates& others() const { return others_; }

 private:
  std::size_t limit_;
  bool with_pid_;
  std::map<ProcessLabels, MemoryRates> named_;
  MemoryRates others_;
};

}  // namespace cw
