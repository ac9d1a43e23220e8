// The locks of a process that nobody waited for, together: there may be thousands, of which windows
// meet now these and now those. What each of them was taken, when it was met, says too much of it;
// the sum over all of them does not.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "analysis/section_estimate.h"
#include "analysis/section_windows.h"
#include "model/critical_section.h"
#include "model/report.h"

namespace cw {

struct UncontendedLocks {
  std::size_t met = 0;          // different ones, in all windows
  bool more = false;            // a window met more of them than are kept of it
  bool without_row = false;     // some may have been waited for, in a row of many
  Estimate acquisitions_per_s;  // of all together
  // They are taken in gusts that probes draw out beyond the windows' ends, such as a loop over many
  // locks: how much longer these gusts go on is not seen.
  bool at_least = false;
  // Of the time, for which the busiest is held of those that are met often enough to say so.
  std::optional<double> busiest_share;
};

// `estimated`: what estimate_sections() says of these windows. Empty: none was met, or nothing can
// be said of how often they are taken.
std::optional<UncontendedLocks> uncontended_locks(std::span<const SectionWindow> windows,
                                                  const std::vector<LockSections>& estimated,
                                                  const SectionContext& context);

// "20,000 locks that nobody waited for: taken 400,000 times/s, the busiest held 3 % of the time".
void clear_uncontended(const std::vector<UncontendedLocks>& by_process, Report& report);

}  // namespace cw
