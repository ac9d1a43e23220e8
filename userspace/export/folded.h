// Folded stacks, a line each: "orders-api;main;orders::lookup;[mutex orders::ledger] 1200", root
// first, nanoseconds of waiting, or bytes. As https://github.com/brendangregg/FlameGraph reads
// them.
#pragma once

#include <string>

#include "export/profile.h"

namespace cw {

std::string to_folded(const Profile& profile);

}  // namespace cw
