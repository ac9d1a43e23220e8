// The last line: what can be done, and which interval is shown.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "live/glyphs.h"
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
// Of a recording: nothing goes on that could be held.
constexpr std::array<Hint, 8> kRecordedTableHints = {{{"?", "help"},
                                                      {"q", "quit"},
                                                      {"[ ]", "step"},
                                                      {"w", "worst"},
                                                      {"Enter", "open"},
                                                      {"/", "filter"},
                                                      {"s", "sort"},
                                                      {"v", "report"}}};
constexpr std::array<Hint, 5> kRecordedPaneHints = {
    {{"Esc", "back"}, {"q", "quit"}, {"j k", "scroll"}, {"[ ]", "step"}, {"w", "worst"}}};

std::span<const Hint> hints_for(const Model& model) {
  if (model.pane == Pane::kTable)
    return model.recorded ? std::span<const Hint>(kRecordedTableHints) : kTableHints;
  return model.recorded ? kRecordedPaneHints : kPaneHints;
}

std::string worst_text(const Model& model, const RecordedWorst& worst) {
  if (worst.number == 0) return "";
  if (!worst.is_certain) return ", w: worst so far " + format_count(worst.interval);
  const bool is_shown = worst.number == model.shown_number();
  return is_shown ? ", the worst" : ", w: worst " + format_count(worst.interval);
}

// "interval 723 of 3,600 (60 min), the worst"
std::string place_text(const Model& model, const Recorded& recorded) {
  std::string text = fmt::format("interval {} of {}", format_count(model.shown().interval),
                                 format_count(recorded.last_interval));
  if (model.size.width < kRoomy) return text;
  return fmt::format("{} ({}){}", text, format_duration(recorded.seconds * 1e9),
                     worst_text(model, recorded.worst));
}

std::string state_text(const Model& model) {
  if (model.history.empty()) return "waiting";
  if (model.recorded) return place_text(model, *model.recorded);
  if (!model.held) return "live";
  const std::uint64_t back = model.history.newest() - *model.held;
  return back == 0 ? "held" : fmt::format("held, {} back", format_count(back));
}

}  // namespace

void draw_status(Canvas& canvas, const Model& model, const Plan& plan) {
  const std::size_t width = canvas.size().width;
  std::string state = state_text(model);
  if (columns_of(glyphs_of(model.message)) + state.size() + 4 > width && !model.message.empty())
    state.clear();  // a long message needs all the room; the next key takes it away
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
