// Where goroutines pass that wait for a mutex or let one go: plain values, found by
// process/go_locks.h, attached by probes/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/fd.h"

namespace cw {

// In the order in which they are probed, and the other way round no longer: a wait whose beginning
// was seen is seen to end.
enum class GoPlace : std::uint8_t { kGoesOn, kWakes, kWaits };

struct GoSite {
  GoPlace place = GoPlace::kWaits;
  std::uint64_t file_offset = 0;  // of the instruction
  std::uint32_t kept_at = 0;      // kWaits: where its arguments are, as bpf/wire.h has it
};

struct GoSites {
  std::shared_ptr<const Fd> file;  // the program: attach by /proc/self/fd/N
  std::vector<GoSite> sites;       // none: it has no such functions, or `why_none`
  std::string why_none;
};

}  // namespace cw
