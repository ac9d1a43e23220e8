// How the view's state changes: by a report, and by what the person before it does. Pure.
#pragma once

#include "live/events.h"
#include "live/model.h"

namespace cw::live {

[[nodiscard]] Model update(Model model, Report report);
[[nodiscard]] Model update(Model model, const Event& event);

}  // namespace cw::live
