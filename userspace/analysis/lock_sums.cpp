#include "analysis/lock_sums.h"

#include "analysis/patterns/patterns.h"
#include "analysis/section_bounds.h"
#include "analysis/sections.h"
#include "analysis/what_if.h"

namespace cw {

void add_lock_sums(Report& report, const std::vector<LockSections>& sections, std::size_t top_n,
                   Symbolizer& symbolizer) {
  add_sections(report, sections, top_n, symbolizer);
  add_bounds(report);
  add_what_if(report);
  add_patterns(report);
}

}  // namespace cw
