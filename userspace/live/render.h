// The live view's screen as cells. Pure: what it shows is a function of the model and the size.
#pragma once

#include <cstddef>

#include "live/cells.h"
#include "live/model.h"

namespace cw::live {

// `size`: cut to kLargest; on less than kSmallest one line says so.
Cells render(const Model& model, Size size);

}  // namespace cw::live
