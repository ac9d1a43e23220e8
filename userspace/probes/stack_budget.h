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
  std::uint64_t stacks_taken = 0;
  std::uint64_t stacks_wanted = 0;
};

// What stacks may cost: the budget (a share of the target's CPU time) less what counting took of
// it; where that took it all, an eighth, since a lock without a stack has no name; and never less
// than nobody can feel.
double stacks_allowed_ns(const Spending& spent, double budget_share);

// How to sample until the next look, if that will be like the last one, which was sampled as `last`
// says.
StackSampling next_sampling(const Spending& spent, double budget_share, const StackSampling& last);

}  // namespace cw
