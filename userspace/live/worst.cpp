#include "live/worst.h"

#include <utility>

namespace cw::live {
namespace {

std::pair<Level, double> badness(const Report& report) {
  return {report.verdict.level, report.locks.empty() ? 0 : report.locks.front().waiters_mean};
}

}  // namespace

bool is_worse(const Report& report, const Report& other) {
  return badness(report) > badness(other);
}

}  // namespace cw::live
