// How often the locks of a process are taken and for how long they are held, from windows in which
// probes saw both.
//
// Rates: see lock_rate.h.
//
// A hold that is longer than what is left of its window is cut off by the window's end. Those that
// were seen to end are the short ones, so their mean is too low: each hold whose beginning was seen
// is followed for as long as the window lasts, and the mean comes from what survives how long
// (Kaplan and Meier, 1958). What survives all windows goes on as it did in their later half; where
// none was seen to end there, no more is known than that an exclusive lock is not held for more
// than all of the time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "analysis/alloc_estimate.h"
#include "analysis/section_windows.h"
#include "model/critical_section.h"

namespace cw {

// What the futex side counted of a lock, exactly.
struct LockRates {
  double wakes_per_s = 0;            // that woke somebody
  std::optional<double> busy_share;  // of the time, in which somebody waited; empty: not known
};

// What else is known of a process.
struct SectionContext {
  std::int32_t pid = 0;
  ImageId image = 0;
  SectionCosts costs;
  // Threads, mean over the interval, that were on a CPU or waited for a lock: none of these has
  // time to spare for what probes cost it. Empty: not known.
  std::optional<double> busy;
  std::optional<double> runnable;
  std::map<std::uint64_t, LockRates> counted;  // by the address of a lock or of a word in it
  std::set<std::uint64_t> waited;              // addresses of all that somebody waited for
  // Other locks that are waited for are one row, together, which does not say where they are.
  bool waits_for_classes = false;
};

// Its threads have no CPU for so much of the time that they run in gusts, which windows meet or
// miss (alloc_estimate.h): a lock that is missed by many windows is left out then.
bool is_crowded(const SectionContext& context);

// What lock_rate() asks of a process.
AllocContext known_of(const SectionContext& context);

inline constexpr std::size_t kMostSections = 64;

// By held time, longest first; of more than kMostSections the others are left out. Empty when there
// are too few windows.
std::vector<LockSections> estimate_sections(std::span<const SectionWindow> windows,
                                            const SectionContext& context);

}  // namespace cw
