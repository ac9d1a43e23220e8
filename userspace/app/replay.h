// Every report, view and export again, from a recording.
#pragma once

#include "app/settings.h"

namespace cw {

// Errors: kFailed, also for a recording of which a part is missing, once the rest was shown.
Result<Exit> replay(const Settings& settings);

}  // namespace cw
