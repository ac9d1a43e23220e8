// Folded stacks, a line each: "orders-api;main;orders::lookup;[mutex orders::ledger] 1200", root
// first, nanoseconds of waiting. As https://github.com/brendangregg/FlameGraph reads them.
#pragma once

#include <string>

#include "export/lock_profile.h"

namespace cw {

std::string to_folded(const LockProfile& profile);

}  // namespace cw
