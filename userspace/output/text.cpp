#include "output/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "output/layout.h"
#include "output/symbol.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kNarrowest = 60;
constexpr double kWorthARow = 0.01;  // threads waiting
constexpr std::string_view kNoPaint = "\x1b[0m";

}  // namespace

Page::Page(const TextOptions& options)
    : width_(std::max(options.width, kNarrowest)), color_(options.color) {}

void Page::line(std::string_view text) {
  std::string safe = cut(printable(text), width_);
  safe.erase(safe.find_last_not_of(' ') + 1);
  text_.append(safe).append("\n");
}

void Page::blank() {
  text_ += '\n';
}

void Page::labelled(std::string_view label, std::string_view text, std::string_view paint) {
  const std::vector<std::string> lines = wrap(printable(text), width_ - kMargin);
  const bool painted = color_ && !paint.empty();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string margin = pad(i == 0 ? label : std::string_view(), kMargin);
    if (painted && i == 0) margin.insert(0, paint).append(kNoPaint);
    text_.append(margin).append(lines[i]).append("\n");
  }
}

void Page::indented(std::size_t indent, std::string_view text) {
  for (const std::string& part : wrap(printable(text), width_ - indent))
    text_.append(indent, ' ').append(part).append("\n");
}

std::vector<const LockReport*> shown_locks(const Report& report, std::size_t top_n) {
  std::vector<const LockReport*> shown;
  for (const LockReport& lock : report.locks) {
    const bool waited_for = lock.kind != LockKind::kUnknown && lock.waiters_mean >= kWorthARow;
    if ((lock.level != Level::kFine || waited_for) && shown.size() < top_n) shown.push_back(&lock);
  }
  return shown;
}

std::string shown_name(const LockReport& lock) {
  return printable(lock.has_symbol ? short_symbol(lock.name) : lock.name);
}

std::string frame_text(const Frame& frame) {
  std::string text = frame.function.empty() ? fmt::format("{}+{:#x}", frame.module, frame.offset)
                                            : short_symbol(frame.function);
  if (const std::string place = source_line(frame); !place.empty()) text += "   " + place;
  return text;
}

std::string verdict_text(const Report& report, const TextOptions& options) {
  Page page(options);
  write_header(page, report);
  page.blank();
  write_verdict(page, report);
  write_threads(page, report);
  return page.take();
}

std::string to_text(const Report& report, const TextOptions& options) {
  Page page(options);
  write_header(page, report);
  page.blank();
  write_verdict(page, report);
  write_threads(page, report);
  write_groups(page, report);
  write_lock_table(page, report, options.top_n);
  if (options.with_waits) write_idle_table(page, report, options.top_n);
  std::size_t number = 0;
  for (const LockReport* lock : shown_locks(report, options.top_n))
    if (++number; lock->level != Level::kFine || !lock->explanation.empty())
      write_lock(page, *lock, number);
  write_memory_detail(page, report, options.top_n);
  page.blank();
  write_observer(page, report.fidelity);
  return page.take();
}

}  // namespace cw
