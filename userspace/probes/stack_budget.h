// Keeps what stacks cost below the budget. Counting goes on whatever it costs; stacks give way.
#pragma once

#include <cstdint>

#include "probes/lock_probes.h"

namespace cw {

// What happened between two looks.
struct Spending {
  std::uint64_t elapsed_ns = 0;
  std::uint64_t target_cpu_ns = 0;  // of all that are watched
  std::uint64_t counting_ns = 0;    // hooks without their stacks
  std::uint64_t stacks_ns = 0;
};

class StackBudget {
 public:
  explicit StackBudget(double budget_pct) : share_(budget_pct / 100) {}

  // How to sample until the next look.
  StackSampling next(const Spending& spent);
  // What stacks may cost: the budget less what counting took of it; where that took it all, an
  // eighth, since a lock without a stack has no name; and never less than nobody can feel.
  [[nodiscard]] double allowed_ns(const Spending& spent) const;

 private:
  double share_;
  StackSampling sampling_;
};

}  // namespace cw
