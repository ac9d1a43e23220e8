#include "live/update.h"

#include <algorithm>
#include <utility>

#include "live/keys.h"
#include "live/plan.h"
#include "live/selection.h"

namespace cw::live {
namespace {

void remember(Model& model, std::uint64_t number, const Report& report) {
  model.trends.begin(number);
  for (std::size_t tab = 0; tab < kTabs; ++tab) {
    const auto table = table_of(report, static_cast<Tab>(tab));
    for (std::size_t row = 0; row < table->size(); ++row)
      model.trends.add(table->id(row), table->trend(row));
  }
  model.trends.end();
}

bool is_remembered(const Trends& trends, std::uint64_t number) {
  return number >= trends.first() && number <= trends.last();
}

// Machines open on the list of what runs there.
void choose_first_tab(Model& model, const Report& first) {
  if (first.processes.size() > 1) model.tab = Tab::kProcesses;
}

void on_mouse(Model& model, const Mouse& mouse) {
  const bool wheel = mouse.action != MouseAction::kPress;
  if (wheel) {
    move_by(model, mouse.action == MouseAction::kWheelUp ? -3 : 3);
    return;
  }
  if (model.pane != Pane::kTable) return;
  const Plan plan = plan_of(model, model.size);
  if (mouse.y == plan.tabs_y) {
    for (const TabPlace& place : plan.tabs)
      if (mouse.x >= place.x && mouse.x < place.x + place.text.size()) open_tab(model, place.tab);
    return;
  }
  if (mouse.y < plan.rows_y || mouse.y >= plan.rows_y + plan.rows) return;
  const std::size_t place = model.table().top + mouse.y - plan.rows_y;
  if (place >= model.order.size()) return;
  // A second click opens.
  if (place == model.table().place)
    open_selected(model);
  else
    select_place(model, place);
}

void apply(Model& model, const Key& key) {
  model.message.clear();
  on_key(model, key);
}
void apply(Model& model, const Mouse& mouse) {
  on_mouse(model, mouse);
}
void apply(Model& model, const Size& size) {
  model.size = size;
  keep_in_view(model);
}
void apply(Model& model, const Message& message) {
  model.message = message.text;
}

}  // namespace

Model update(Model model, Report report) {
  if (model.history.empty()) choose_first_tab(model, report);
  model.history.add(std::move(report));
  const Report& newest = model.history.at(model.history.newest());
  remember(model, model.history.newest(), newest);
  if (model.held && *model.held < model.history.oldest())
    model.held = model.history.oldest();
  else if (model.held)
    return model;  // what is shown is what it was
  arrange(model);
  return model;
}

Model update(Model model, const Event& event) {
  std::visit([&](const auto& what) { apply(model, what); }, event);
  return model;
}

Model update(Model model, const Recorded& recorded) {
  model.recorded = recorded;
  return model;
}

Model update(Model model, const RecordedWorst& worst) {
  if (model.recorded) model.recorded->worst = worst;
  return model;
}

// Twice as many intervals as a trend can have columns: the next steps back find theirs.
std::optional<std::uint64_t> first_to_read(const Model& model) {
  const std::uint64_t wanted = model.recorded ? model.recorded->wanted : 0;
  if (wanted == model.history.newest()) return std::nullopt;
  const auto back = [&](std::uint64_t count) { return wanted > count ? wanted - count : 1; };
  const std::uint64_t reach = std::min(model.size.width, Trends::kIntervals / 2);
  const bool is_known = is_remembered(model.trends, back(reach));
  if (is_known && is_remembered(model.trends, wanted)) return wanted;
  return is_known ? model.trends.last() + 1 : back(2 * reach);
}

Model update(Model model, std::uint64_t number, Report report) {
  if (!is_remembered(model.trends, number)) {
    if (number != model.trends.last() + 1) model.trends = {};
    remember(model, number, report);
  }
  if (!model.recorded || number != model.recorded->wanted) return model;
  if (model.history.empty()) choose_first_tab(model, report);
  model.history.keep_only(number, std::move(report));
  arrange(model);
  return model;
}

Model stay(Model model, const Message& why) {
  model.message = model.awaited = why.text;
  if (model.recorded) model.recorded->wanted = model.history.newest();
  return model;
}

}  // namespace cw::live
