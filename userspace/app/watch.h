// The loop: a report each interval until the time is up, a signal comes, or all targets have ended.
#pragma once

#include "app/settings.h"

namespace cw {

// Returns what the process should exit with; errors lose no report already made.
Result<Exit> watch(const Settings& settings);

}  // namespace cw
