// One row a lock.
#include <fmt/format.h>

#include <algorithm>

#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kNumber = 3;
constexpr std::size_t kKind = 8;
constexpr std::size_t kLevel = 8;
constexpr std::size_t kRate = 10;
constexpr std::size_t kWait = 12;
constexpr std::size_t kWaiting = 10;
constexpr std::size_t kBusy = 8;
constexpr std::size_t kFixed = kNumber + kKind + kLevel + kRate + kWait + kWaiting + kBusy;

std::string mean_wait(const LockReport& lock) {
  if (lock.waits == 0) return "-";
  return format_duration(static_cast<double>(lock.wait.sum_ns) / static_cast<double>(lock.waits));
}

// In a report on several processes, whose lock it is.
std::string name_cell(const Report& report, const LockReport& lock, std::size_t width) {
  std::string owner;
  if (report.processes.size() > 1)
    owner = cut(printable(lock.comm), std::min<std::size_t>(width / 3, 12)) + " ";
  return owner + cut_front(shown_name(lock), width - columns(owner));
}

std::string function_of(const LockReport& lock) {
  if (lock.waiters.empty()) return {};
  const Stack& stack = lock.waiters.front().stack;
  if (stack.own >= stack.frames.size()) return {};
  return printable(short_symbol(stack.frames[stack.own].function));
}

}  // namespace

void write_lock_table(Page& page, const Report& report, std::size_t top_n) {
  const std::vector<const LockReport*> shown = shown_locks(report, top_n);
  if (shown.empty()) return;
  const std::size_t name = page.width() - kFixed;
  page.blank();
  page.line(pad("", kNumber) + pad("LOCK", kKind + name) + pad("LEVEL", kLevel) +
            pad_left("WAITS/S", kRate) + pad_left("MEAN WAIT", kWait) +
            pad_left("WAITING", kWaiting) + pad_left("BUSY", kBusy));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const LockReport& lock = *shown[i];
    page.line(pad(fmt::format("{}", i + 1), kNumber) + pad(name_of(lock.kind), kKind) +
              pad(name_cell(report, lock, name - 1), name) + pad(name_of(lock.level), kLevel) +
              pad_left(format_rate(lock.waits_per_s), kRate) + pad_left(mean_wait(lock), kWait) +
              pad_left(format_mean(lock.waiters_mean), kWaiting) +
              pad_left(format_share(lock.busy_share), kBusy));
  }
  const auto guilty = static_cast<std::size_t>(std::ranges::count_if(
      report.locks, [](const LockReport& lock) { return lock.level != Level::kFine; }));
  if (guilty > shown.size())
    page.indented(kNumber, fmt::format("{} more are not fine: --top {} shows them",
                                       format_count(guilty - shown.size()), guilty));
}

void write_idle_table(Page& page, const Report& report, std::size_t top_n) {
  if (report.waits.empty()) return;
  constexpr std::size_t kIdleKind = 11;
  const std::size_t room = page.width() - kNumber - kIdleKind - kWaiting - kRate - kWait - 2;
  const std::size_t name = room / 2;
  page.blank();
  page.line(pad("", kNumber) + pad("IDLE WAIT", kIdleKind + name) + pad_left("WAITING", kWaiting) +
            pad_left("WAITS/S", kRate) + pad_left("MEAN WAIT", kWait) + "  IN");
  for (std::size_t i = 0; i < std::min(report.waits.size(), top_n); ++i) {
    const LockReport& idle = report.waits[i];
    page.line(pad("", kNumber) + pad(name_of(idle.kind), kIdleKind) +
              pad(name_cell(report, idle, name - 1), name) +
              pad_left(format_mean(idle.waiters_mean), kWaiting) +
              pad_left(format_rate(idle.waits_per_s), kRate) + pad_left(mean_wait(idle), kWait) +
              "  " + cut_front(function_of(idle), room - name));
  }
  if (report.waits.size() > top_n)
    page.indented(kNumber, fmt::format("{} more", format_count(report.waits.size() - top_n)));
}

}  // namespace cw
