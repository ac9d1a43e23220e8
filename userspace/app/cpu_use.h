// How much CPU the watched processes use.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "app/activity.h"

namespace cw {

class CpuUse {
 public:
  struct Use {
    double lately = 0;  // CPUs, since the look before
    double mean = 0;    // for longer
  };

  // Of a process that is met for the first time nothing is known yet; one that is gone is
  // forgotten.
  void look(const Activity& activity);
  // By all that were there at the look before, since then.
  [[nodiscard]] std::uint64_t spent_ns() const { return spent_ns_; }
  [[nodiscard]] Use of(std::int32_t pid) const;
  [[nodiscard]] bool knows(std::int32_t pid) const { return known_.contains(pid); }

 private:
  struct Known {
    std::uint64_t cpu_ns = 0;
    Use use;
  };
  std::unordered_map<std::int32_t, Known> known_;
  std::uint64_t look_ns_ = 0;
  std::uint64_t spent_ns_ = 0;
};

}  // namespace cw
