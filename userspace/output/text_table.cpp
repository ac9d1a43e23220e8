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
constexpr std::size_t kIdleKind = 11;
constexpr std::size_t kLevel = 8;
constexpr std::size_t kRate = 9;
constexpr std::size_t kWait = 11;
constexpr std::size_t kWaiting = 9;
constexpr std::size_t kBusy = 8;
constexpr std::size_t kFixed = kNumber + kKind + kLevel + kRate + kWait + kWaiting + kBusy;

std::string mean_wait(const LockReport& lock) {
  if (lock.waits == 0) return "-";
  return format_duration(static_cast<double>(lock.wait.sum_ns) / static_cast<double>(lock.waits));
}

// Rate times duration is the number waiting, so one of the three gives way where there are
// several processes and the row has to say whose lock it is.
struct Row {
  bool whose = false;
  std::size_t name = 0;  // width

  [[nodiscard]] std::string text(std::string_view number, std::string_view kind,
                                 std::string_view lock, std::string_view comm,
                                 std::string_view level, std::string_view rate,
                                 std::string_view wait, std::string_view waiting,
                                 std::string_view busy) const {
    return pad(number, kNumber) + pad(kind, kKind) + pad(cut_front(lock, name - 1), name) +
           (whose ? pad(cut(comm, kWait - 1), kWait) : "") + pad(level, kLevel) +
           pad_left(rate, kRate) + (whose ? "" : pad_left(wait, kWait)) +
           pad_left(waiting, kWaiting) + pad_left(busy, kBusy);
  }
};

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
  const Row row{.whose = report.processes.size() > 1, .name = page.width() - kFixed};
  page.blank();
  page.line(row.text("", "LOCK", "", "COMM", "LEVEL", "WAITS/S", "MEAN WAIT", "WAITING", "BUSY"));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const LockReport& lock = *shown[i];
    page.line(row.text(fmt::format("{}", i + 1), name_of(lock.kind), shown_name(lock),
                       printable(lock.comm), name_of(lock.level), format_rate(lock.waits_per_s),
                       mean_wait(lock), format_mean(lock.waiters_mean),
                       format_share(lock.busy_share)));
  }
  const auto guilty = static_cast<std::size_t>(std::ranges::count_if(
      report.locks, [](const LockReport& lock) { return lock.level != Level::kFine; }));
  if (guilty > shown.size())
    page.indented(kNumber, fmt::format("{} more are not fine: --top {} shows them",
                                       format_count(guilty - shown.size()), guilty));
}

void write_idle_table(Page& page, const Report& report, std::size_t top_n) {
  if (report.waits.empty()) return;
  const std::size_t room = page.width() - kNumber - kIdleKind - kWaiting - kRate - kWait - 2;
  const std::size_t name = room / 2;
  page.blank();
  page.line(pad("", kNumber) + pad("IDLE WAIT", kIdleKind + name) + pad_left("WAITING", kWaiting) +
            pad_left("WAITS/S", kRate) + pad_left("MEAN WAIT", kWait) + "  IN");
  for (std::size_t i = 0; i < std::min(report.waits.size(), top_n); ++i) {
    const LockReport& idle = report.waits[i];
    page.line(pad("", kNumber) + pad(name_of(idle.kind), kIdleKind) +
              pad(cut_front(shown_name(idle), name - 1), name) +
              pad_left(format_mean(idle.waiters_mean), kWaiting) +
              pad_left(format_rate(idle.waits_per_s), kRate) + pad_left(mean_wait(idle), kWait) +
              "  " + cut_front(function_of(idle), room - name));
  }
  if (report.waits.size() > top_n)
    page.indented(kNumber, fmt::format("{} more", format_count(report.waits.size() - top_n)));
}

}  // namespace cw
