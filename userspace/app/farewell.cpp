#include "app/farewell.h"

#include "live/worst.h"
#include "output/text.h"

namespace cw {
namespace {

// What the verdict's text is made of.
Report headline_of(const Report& report) {
  Report headline;
  headline.observed = report.observed;
  headline.host = report.host;
  headline.started = report.started;
  headline.interval = report.interval;
  headline.interval_s = report.interval_s;
  headline.final = report.final;
  headline.processes = report.processes;
  headline.verdict = report.verdict;
  headline.deadlocks = report.deadlocks;
  if (!report.locks.empty()) headline.locks.push_back(report.locks.front());
  return headline;
}

}  // namespace

bool is_cut_short(const Report& report, double seconds_before) {
  return report.final && report.interval_s < seconds_before / 2;
}

void Farewell::set_last(const Report& report) {
  if (!last_ || !is_cut_short(report, last_->interval_s)) last_ = headline_of(report);
}

bool Farewell::consider(const Report& report) {
  if (last_ && is_cut_short(report, last_->interval_s)) return false;
  if (worst_ && !live::is_worse(report, *worst_)) return false;
  worst_ = headline_of(report);
  return true;
}

std::string Farewell::text(bool color) const {
  if (!last_) return {};
  std::string text = verdict_text(*last_, {.color = color});
  if (worst_ && worst_->verdict.level > last_->verdict.level)
    text += "\nthe worst that was seen\n" + verdict_text(*worst_, {.color = color});
  return text;
}

}  // namespace cw
