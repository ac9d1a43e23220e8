#include "live/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "output/format.h"

namespace cw::live {
namespace {

std::size_t verdict_lines(std::size_t height) {
  if (height < 20) return 3;
  if (height < 30) return 5;
  return height < 40 ? 7 : 10;
}

std::size_t rows_of(const Report& report, Tab tab) {
  switch (tab) {
    case Tab::kLocks:
      return report.locks.size();
    case Tab::kAllocations: {
      std::size_t sites = 0;
      for (const AllocatorReport& allocator : report.allocators) sites += allocator.sites.size();
      return sites;
    }
    case Tab::kMemory:
      return report.memory.size();
    case Tab::kProcesses:
      return report.processes.size();
    case Tab::kIdleWaits:
      return report.waits.size();
  }
  return 0;
}

std::vector<TabPlace> tabs_of(const Model& model, std::size_t width) {
  std::vector<TabPlace> tabs;
  std::size_t x = 1;
  const bool roomy = width >= 76;
  for (std::size_t i = 0; i < kTabs; ++i) {
    const Tab tab = static_cast<Tab>(i);
    std::size_t rows = 0;
    if (!model.history.empty()) rows = rows_of(model.shown(), tab);
    if (tab == Tab::kIdleWaits && rows == 0 && model.tab != tab) continue;
    std::string text = fmt::format("{} {}", i + 1, name_of(tab));
    if (roomy && rows != 0) text += " " + format_count(rows);
    tabs.push_back({.tab = tab, .x = x, .text = text});
    x += text.size() + (roomy ? 3 : 2);
  }
  return tabs;
}

}  // namespace

Plan plan_of(const Model& model, Size size) {
  size.height = std::max(size.height, kSmallest.height);
  Plan plan;
  plan.verdict_lines = verdict_lines(size.height);
  plan.threads_y = plan.verdict_y + plan.verdict_lines;
  plan.threads_lines = size.height < 20 ? 1 : 2;
  plan.tabs_y = plan.threads_y + plan.threads_lines + (size.height >= 24 ? 1 : 0);
  plan.heading_y = plan.tabs_y + 1;
  plan.rows_y = plan.heading_y + 1;
  plan.status_y = size.height - 1;
  if (size.height >= 24) plan.observer_y = size.height - 2;
  const std::size_t end = plan.observer_y.value_or(plan.status_y);
  plan.rows = end - plan.rows_y;
  plan.pane_y = plan.verdict_y + (size.height < 20 ? 1 : 2);
  plan.pane_lines = end - plan.pane_y;
  plan.tabs = tabs_of(model, size.width);
  return plan;
}

}  // namespace cw::live
