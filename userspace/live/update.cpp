#include "live/update.h"

#include <algorithm>
#include <utility>

#include "live/keys.h"
#include "live/plan.h"
#include "live/selection.h"

namespace cw::live {
namespace {

void remember(Model& model, const Report& report) {
  model.trends.begin(model.history.newest());
  for (std::size_t tab = 0; tab < kTabs; ++tab) {
    const auto table = table_of(report, static_cast<Tab>(tab));
    for (std::size_t row = 0; row < table->size(); ++row)
      model.trends.add(table->id(row), table->trend(row));
  }
  model.trends.end();
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
  const bool first = model.history.empty();
  const bool several = report.processes.size() > 1;
  model.history.add(std::move(report));
  const Report& newest = model.history.at(model.history.newest());
  remember(model, newest);
  if (first && several) model.tab = Tab::kProcesses;
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

}  // namespace cw::live
