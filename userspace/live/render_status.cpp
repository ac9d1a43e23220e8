// The last line: what can be done, and which interval is shown.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "live/render_parts.h"
#include "output/format.h"

namespace cw::live {
namespace {

struct Hint {
  const char* key;
  const char* what;
};

constexpr std::array<Hint, 8> kTableHints = {{{"?", "help"},
                                              {"q", "quit"},
                                              {"Enter", "open"},
                                              {"[ ]", "past"},
                                              {"p", "hold"},
                                              {"/", "filter"},
                                              {"s", "sort"},
                                              {"v", "report"}}};
constexpr std::array<Hint, 5> kPaneHints = {
    {{"Esc", "back"}, {"q", "quit"}, {"j k", "scroll"}, {"[ ]", "past"}, {"p", "hold"}}};

std::span<const Hint> hints_for(const Model& model) {
  if (model.pane == Pane::kTable) return kTableHints;
  return kPaneHints;
}

std::string state_text(const Model& model) {
  if (model.history.empty()) return "waiting";
  if (!model.held) return "live";
  const std::uint64_t back = model.history.newest() - *model.held;
  return back == 0 ? "held" : fmt::format("held, {} back", format_count(back));
}

}  // namespace

void draw_status(Canvas& canvas, const Model& model, const Plan& plan) {
  const std::string state = state_text(model);
  const std::size_t width = canvas.size().width;
  const std::size_t end = width - std::min(width, state.size() + 2);
  canvas.put_right(end, plan.status_y, state, model.held ? Style::kSuspect : Style::kFine,
                   state.size() + 1);
  if (!model.message.empty()) {
    canvas.put(1, plan.status_y, model.message, Style::kSuspect, end - 2);
    return;
  }
  if (model.typing) {
    const std::size_t x = canvas.put(1, plan.status_y, "/" + model.filter + "_", Style::kTitle, 30);
    canvas.put(x + 2, plan.status_y, "Enter keeps it, Esc shows all rows", Style::kFaint);
    return;
  }
  std::size_t x = 1;
  for (const Hint& hint : hints_for(model)) {
    const std::string_view key = hint.key;
    const std::string_view what = hint.what;
    if (x + key.size() + what.size() + 1 > end - 1) break;
    x = canvas.put(x, plan.status_y, key, Style::kAccent);
    x = canvas.put(x + 1, plan.status_y, what, Style::kFaint) + 2;
  }
}

}  // namespace cw::live
