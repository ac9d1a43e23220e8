// How the view's state changes: by a report, and by what the person before it does. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "live/events.h"
#include "live/model.h"

namespace cw::live {

[[nodiscard]] Model update(Model model, Report report);
[[nodiscard]] Model update(Model model, const Event& event);

// From now on a recording is shown, of which these functions tell what to read.
[[nodiscard]] Model update(Model model, const Recorded& recorded);
[[nodiscard]] Model update(Model model, const RecordedWorst& worst);
// The number from which on its reports are to be told, up to the one that is wanted: that one is
// shown then, after a past for its trends. Empty: it is shown already.
[[nodiscard]] std::optional<std::uint64_t> first_to_read(const Model& model);
[[nodiscard]] Model update(Model model, std::uint64_t number, Report report);
// One of them could not be read.
[[nodiscard]] Model stay(Model model, const Message& why);

}  // namespace cw::live
