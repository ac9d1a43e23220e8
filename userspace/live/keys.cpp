#include "live/keys.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "live/plan.h"
#include "live/selection.h"

namespace cw::live {
namespace {

constexpr std::size_t kLongestFilter = 60;  // bytes
constexpr std::int64_t kFar = 1'000'000;

constexpr std::array<KeyHelp, 18> kHelp = {{
    {"Up Down, k j", "select a row, or scroll; PgUp PgDn Home End too"},
    {"Enter", "open: arithmetic, histogram, who waits, who lets go, who holds"},
    {"", "on a process: its locks alone"},
    {"Esc", "back"},
    {"Tab, 1 2 3 4 5", "locks, allocations, memory, processes, idle waits (--waits)"},
    {"v", "the whole report as text: what is cleared, what is not seen"},
    {"s, r", "sort by the next column; the other way round"},
    {"/", "filter: rows that have this text; Enter keeps it, Esc drops it"},
    {"[ ], Left Right", "back and forth over past intervals; { } by ten"},
    {"w", "the worst of those intervals"},
    {"p, Space", "hold what is shown, or go on; observing goes on all the time"},
    {"", "of a recording: to its last interval"},
    {"mouse", "click selects, again opens; tabs; wheel; with Shift: copies"},
    {"q, Ctrl-C", "quit; the last verdict stays on the terminal"},
    {"", ""},
    {"LEVEL", "culprit: 0.5 threads wait on average, half the time or more"},
    {"WAITING, BUSY", "mean number of threads waiting; share of time somebody did"},
    {"LOST", "mean number of threads that a process has waiting for locks"},
}};

std::int64_t page(const Model& model) {
  const Plan plan = plan_of(model, model.size);
  const std::size_t lines = model.pane == Pane::kTable ? plan.rows : plan.pane_lines;
  return static_cast<std::int64_t>(std::max<std::size_t>(lines, 2)) - 1;
}

void type(Model& model, const Key& key) {
  if (key.name == KeyName::kEnter) {
    model.typing = false;
    return;
  }
  if (key.name == KeyName::kEscape) {
    model.typing = false;
    model.filter.clear();
  } else if (key.name == KeyName::kBackspace) {
    // A whole character: its bytes after the first begin with the bits 10.
    while (!model.filter.empty() &&
           (static_cast<unsigned char>(model.filter.back()) & 0xc0U) == 0x80U)
      model.filter.pop_back();
    if (!model.filter.empty()) model.filter.pop_back();
  } else if (key.name == KeyName::kText &&
             model.filter.size() + key.text.size() <= kLongestFilter) {
    model.filter += key.text;
  }
  arrange(model);
}

void next_tab(Model& model, int step) {
  const auto tabs = plan_of(model, model.size).tabs;
  const auto here = std::ranges::find(tabs, model.tab, &TabPlace::tab) - tabs.begin();
  const auto count = static_cast<std::ptrdiff_t>(tabs.size());
  open_tab(model, tabs[static_cast<std::size_t>((here + step + count) % count)].tab);
}

// Worst first, then each column that sorts.
void next_order(Model& model) {
  if (model.history.empty() || model.pane != Pane::kTable) return;
  TableState& state = model.table();
  const auto columns = table_of(model.shown(), model.tab)->columns();
  std::size_t next = state.column ? *state.column + 1 : 0;
  while (next < columns.size() && (!columns[next].sorts || columns[next].screen > model.size.width))
    ++next;
  state.column = next < columns.size() ? std::optional(next) : std::nullopt;
  state.reversed = false;
  arrange(model);
}

void toggle(Model& model, Pane pane) {
  model.pane = model.pane == pane ? Pane::kTable : pane;
  model.scroll = 0;
  if (model.pane == Pane::kTable) arrange(model);
}

void on_letter(Model& model, char letter) {
  switch (letter) {
    case 'q':
      model.quit = true;
      break;
    case 'j':
      move_by(model, 1);
      break;
    case 'k':
      move_by(model, -1);
      break;
    case 'g':
      move_by(model, -kFar);
      break;
    case 'G':
      move_by(model, kFar);
      break;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
      open_tab(model, static_cast<Tab>(letter - '1'));
      break;
    case 's':
      next_order(model);
      break;
    case 'r':
      model.table().reversed = !model.table().reversed;
      arrange(model);
      break;
    case '/':
      model.typing = true;
      if (model.pane != Pane::kTable) toggle(model, model.pane);
      break;
    case 'p':
    case ' ':
      hold_or_go_on(model);
      break;
    case '[':
      go_to_past(model, 1);
      break;
    case ']':
      go_to_past(model, -1);
      break;
    case '{':
      go_to_past(model, 10);
      break;
    case '}':
      go_to_past(model, -10);
      break;
    case 'w':
      go_to_worst(model);
      break;
    case 'v':
      toggle(model, Pane::kReport);
      break;
    case '?':
    case 'h':
      toggle(model, Pane::kHelp);
      break;
    default:
      break;
  }
}

}  // namespace

std::span<const KeyHelp> key_help() {
  return kHelp;
}

void on_key(Model& model, const Key& key) {
  if (model.typing) {
    type(model, key);
    return;
  }
  switch (key.name) {
    case KeyName::kText:
      if (key.text.size() == 1) on_letter(model, key.text.front());
      break;
    case KeyName::kUp:
      move_by(model, -1);
      break;
    case KeyName::kDown:
      move_by(model, 1);
      break;
    case KeyName::kLeft:
      go_to_past(model, 1);
      break;
    case KeyName::kRight:
      go_to_past(model, -1);
      break;
    case KeyName::kPageUp:
      move_by(model, -page(model));
      break;
    case KeyName::kPageDown:
      move_by(model, page(model));
      break;
    case KeyName::kHome:
      move_by(model, -kFar);
      break;
    case KeyName::kEnd:
      move_by(model, kFar);
      break;
    case KeyName::kEnter:
      if (model.pane == Pane::kTable) open_selected(model);
      break;
    case KeyName::kEscape:
    case KeyName::kBackspace:
      go_back(model);
      break;
    case KeyName::kTab:
      next_tab(model, 1);
      break;
    case KeyName::kBackTab:
      next_tab(model, -1);
      break;
  }
}

}  // namespace cw::live
