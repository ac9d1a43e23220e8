#include "export/process_series.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "export/metric_writer.h"

namespace cw {
namespace {

void add_to(std::optional<double>& sum, const std::optional<double>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

std::optional<double> estimate_of(const std::optional<Estimate>& rate) {
  return rate ? std::optional(rate->estimate) : std::nullopt;
}

MemoryRates rates_of(const AllocatorReport& row) {
  MemoryRates rates;
  rates.allocs = estimate_of(row.allocs_per_s);
  rates.frees = estimate_of(row.frees_per_s);
  rates.alloc_bytes = estimate_of(row.bytes_per_s);
  if (!rates.allocs || !row.lifetimes || !row.lifetimes->short_lived) return rates;
  rates.followed = rates.allocs;
  rates.short_lived = *rates.allocs * row.lifetimes->short_lived->estimate;
  return rates;
}

MemoryRates rates_of(const MemoryReport& row) {
  MemoryRates rates;
  rates.minor_faults = row.minor_faults_per_s;
  rates.major_faults = row.major_faults_per_s;
  return rates;
}

// What comes first: calls and faults, an allocation's worth each.
double weight_of(const MemoryRates& rates) {
  constexpr double kFault = 25;  // 500 ns against 20
  return rates.allocs.value_or(0) + rates.frees.value_or(0) +
         kFault * rates.minor_faults.value_or(0);
}

}  // namespace

MemoryRates& MemoryRates::operator+=(const MemoryRates& more) {
  add_to(allocs, more.allocs);
  add_to(frees, more.frees);
  add_to(alloc_bytes, more.alloc_bytes);
  add_to(followed, more.followed);
  add_to(short_lived, more.short_lived);
  add_to(minor_faults, more.minor_faults);
  add_to(major_faults, more.major_faults);
  return *this;
}

std::optional<double> MemoryRates::short_lived_ratio() const {
  if (!followed || *followed <= 0) return std::nullopt;
  return short_lived.value_or(0) / *followed;
}

void ProcessSeries::add(const Report& report) {
  std::map<ProcessLabels, MemoryRates> all;
  const auto add_row = [&](const auto& row) {
    all[{.comm = label_value(row.comm), .pid = with_pid_ ? std::to_string(row.pid) : ""}] +=
        rates_of(row);
  };
  for (const AllocatorReport& row : report.allocators) add_row(row);
  for (const MemoryReport& row : report.memory) add_row(row);

  std::vector<std::pair<ProcessLabels, MemoryRates>> ranked(all.begin(), all.end());
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return std::pair(weight_of(b.second), a.first) < std::pair(weight_of(a.second), b.first);
  });
  named_.clear();
  others_ = {};
  for (const auto& [labels, rates] : ranked) {
    if (named_.size() < limit_)
      named_.emplace(labels, rates);
    else
      others_ += rates;
  }
}

}  // namespace cw
