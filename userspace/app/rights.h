// The capabilities of this process: what it has, and giving up what it does not need any longer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/error.h"

namespace cw {

bool holds_right(int capability);
// Whether this kernel wants CAP_BPF for making a map. Tried without it.
bool maps_take_rights();

// Gives up for good, for us and for whatever we might run, all capabilities but those that
// model/rights.h keeps, and `also`; their names. Of the calling thread only: call it before there
// are others.
Result<std::vector<std::string>> drop_rights(std::optional<int> also = std::nullopt);

}  // namespace cw
