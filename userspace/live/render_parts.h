// The parts of the screen.
#pragma once

#include "live/cells.h"
#include "live/model.h"
#include "live/plan.h"

namespace cw::live {

// Columns from which on the first and the last line say more.
inline constexpr std::size_t kRoomy = 70;

void draw_title(Canvas& canvas, const Model& model);
void draw_verdict(Canvas& canvas, const Report& report, const Plan& plan, std::size_t room);
void draw_threads(Canvas& canvas, const Model& model, const Plan& plan);
void draw_table(Canvas& canvas, const Model& model, const Plan& plan);
void draw_observer(Canvas& canvas, const Report& report, std::size_t y);
void draw_status(Canvas& canvas, const Model& model, const Plan& plan);

Style style_of(Level level);

}  // namespace cw::live
