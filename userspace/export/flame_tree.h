// Stacks merged from their roots: what a flame graph draws.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "export/profile.h"

namespace cw {

struct FlameNode {
  double count = 0;   // waits or wakes
  double amount = 0;  // with what is inside
  std::map<std::string, FlameNode> inside;

  [[nodiscard]] std::size_t depth() const;  // levels below this one
};

// One lock: the stacks of those who wait for it, and of those who let them go on.
struct FlameLock {
  std::string name;  // "mutex orders::ledger (orders-api)"
  double amount = 0;
  FlameNode waiters;
  FlameNode releasers;
};

// The locks of a profile, those with most waiting first.
std::vector<FlameLock> flame_locks(const Profile& profile);

}  // namespace cw
