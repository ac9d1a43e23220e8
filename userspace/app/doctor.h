// Says what this kernel and these rights allow, and what observing costs here.
#pragma once

#include "app/settings.h"

namespace cw {

// Prints it. Errors, after that: kNotAllowed, kNoProcess, with the reason in one line.
Result<Exit> doctor(const Settings& settings);

}  // namespace cw
