// What the owners of the locks that are waited for most are doing: a few looks a report, each of a
// moment, at what the lock's memory and /proc say.
#pragma once

#include "model/report.h"

namespace cw {

// Fills in `owner_looks` of the first locks that are not fine; takes some 20 ms. Locks whose memory
// names no owner, and those of several processes, are left out.
void look_at_owners(Report& report);

}  // namespace cw
