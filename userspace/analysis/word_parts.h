// A word that a thread sleeps on whatever it waits for (parking_lot, absl, HotSpot) is a part of
// several locks. The kernel counts by word; what it counted is shared out here by call site.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/snapshot.h"

namespace cw {

// What belongs to one part.
struct WordPart {
  std::vector<WaitSite> wait_sites;
  std::vector<WakeSite> wake_sites;
  std::uint64_t in_progress_ns = 0;  // inside the interval
  std::uint32_t waiters = 0;
};

// One word for each part, in their order: counts by the number of waits, times by the wait time of
// the part's sites. They add up to the whole. Histograms are of the whole and cannot be shared out:
// parts have none.
std::vector<std::shared_ptr<const Word>> share_out(const Word& whole,
                                                   const std::vector<WordPart>& parts);

}  // namespace cw
