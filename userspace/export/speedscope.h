// For https://www.speedscope.app: two profiles in one file, of waiters and of those who let them go
// on. Format: https://www.speedscope.app/file-format-schema.json
#pragma once

#include <string>

#include "export/lock_profile.h"

namespace cw {

std::string to_speedscope(const LockProfile& profile, const std::string& name);

}  // namespace cw
