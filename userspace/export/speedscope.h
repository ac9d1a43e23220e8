// For https://www.speedscope.app: two profiles in one file, of waiters and of those who let them go
// on; of allocations one. Format: https://www.speedscope.app/file-format-schema.json
#pragma once

#include <string>

#include "export/profile.h"

namespace cw {

std::string to_speedscope(const Profile& profile, const std::string& name);

}  // namespace cw
