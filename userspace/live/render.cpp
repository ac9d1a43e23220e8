#include "live/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "live/pane.h"
#include "live/render_parts.h"

namespace cw::live {
namespace {

void draw_tabs(Canvas& canvas, const Model& model, const Plan& plan) {
  for (const TabPlace& place : plan.tabs)
    canvas.put(place.x, plan.tabs_y, place.text,
               place.tab == model.tab ? Style::kAccent : Style::kFaint);
  const std::size_t end = plan.tabs.back().x + plan.tabs.back().text.size() + 2;
  const std::size_t width = canvas.size().width;
  if (end + 4 >= width || (model.filter.empty() && !model.typing)) return;
  canvas.put_right(end, plan.tabs_y, "filter: " + model.filter + (model.typing ? "_" : ""),
                   Style::kSuspect, width - end - 1);
}

void draw_pane(Canvas& canvas, const Model& model, const Plan& plan) {
  const std::vector<Line> lines = pane_lines(model, canvas.size().width - 2);
  const std::size_t most = lines.size() > plan.pane_lines ? lines.size() - plan.pane_lines : 0;
  const std::size_t first = std::min(model.scroll, most);
  for (std::size_t i = 0; i < plan.pane_lines && first + i < lines.size(); ++i)
    canvas.put(1, plan.pane_y + i, lines[first + i]);
}

void draw(Canvas& canvas, const Model& model, const Plan& plan) {
  draw_title(canvas, model);
  draw_status(canvas, model, plan);
  if (model.history.empty()) {
    if (model.pane == Pane::kHelp)
      draw_pane(canvas, model, plan);
    else
      canvas.put(1, plan.verdict_y + 1, model.awaited, Style::kFaint);
    return;
  }
  const Report& report = model.shown();
  if (plan.observer_y) draw_observer(canvas, report, *plan.observer_y);
  if (model.pane != Pane::kTable) {
    draw_verdict(canvas, report, plan, 1);
    draw_pane(canvas, model, plan);
    return;
  }
  draw_verdict(canvas, report, plan, plan.verdict_lines);
  draw_threads(canvas, model, plan);
  draw_tabs(canvas, model, plan);
  draw_table(canvas, model, plan);
}

}  // namespace

Cells render(const Model& model, Size size) {
  size = {.width = std::min(size.width, kLargest.width),
          .height = std::min(size.height, kLargest.height)};
  Canvas canvas(size, model.charset);
  if (size.width < kSmallest.width || size.height < kSmallest.height)
    canvas.put(0, 0,
               fmt::format("{}x{} is needed, this is {}x{} (q quits)", kSmallest.width,
                           kSmallest.height, size.width, size.height));
  else
    draw(canvas, model, plan_of(model, size));
  return canvas.take();
}

}  // namespace cw::live
