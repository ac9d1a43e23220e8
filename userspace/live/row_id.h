// What makes a row the same row in the next interval, whatever its place, figures or name by then.
#pragma once

#include <cstdint>

#include "model/report.h"

namespace cw::live {

using RowId = std::uint64_t;  // a hash; rows of different tables do not meet

RowId id_of(const LockReport& lock);
RowId id_of(const ProcessReport& process);
RowId id_of(const MemoryReport& memory);
RowId id_of(const AllocatorReport& allocator);
RowId id_of(const AllocatorReport& allocator, const AllocationSiteReport& site);

}  // namespace cw::live
