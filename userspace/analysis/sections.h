// What was seen of critical sections, joined with the locks that threads wait for: how often each
// is taken, for how long, and what the product of the two says.
#pragma once

#include <cstddef>
#include <vector>

#include "model/critical_section.h"
#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

// Where a row's lock lies in each process that waits for it: rows that nobody asked a name for have
// an address alone.
std::vector<LockPlace> places_of(const LockReport& lock);

// Fills in `sections` of the rows whose lock was seen being taken: by process and address, added up
// where several processes share the lock. Of processes that share it and never wait for it, nothing
// is added: where it lies in them is not known.
//
// Locks that nobody waits for get a row, which is fine, when they are held a tenth of the time or
// more; what all of them come to: uncontended.h. To be called after analyse().
void add_sections(Report& report, const std::vector<LockSections>& sections, std::size_t top_n,
                  Symbolizer& symbolizer);

}  // namespace cw
