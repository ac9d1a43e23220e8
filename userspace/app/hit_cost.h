// What a hit of a probe on an allocator costs on this machine, measured on ourselves.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "probes/alloc_probes.h"

namespace cw {

// Where code of our own lies in our file. Empty: it is not found.
std::optional<std::uint64_t> own_code_offset(std::uint64_t address);

// Functions of our own that do nothing, by what the kernel does with the instruction they begin
// with: it emulates the one wherever it emulates any, and single-steps the other.
enum class OwnFunction : std::uint8_t { kEmulated, kStepped };

// A probe on it. Empty: it is not found.
std::optional<AllocProbe> probe_on_ourselves(OwnFunction function = OwnFunction::kEmulated);

// Empty: there are none.
std::optional<double> median_of(std::vector<std::uint64_t> values);

// What a call of that function takes now, in nanoseconds: the best of some loops.
double probed_call_ns(OwnFunction function = OwnFunction::kEmulated);

// Nanoseconds a hit; 0 when it cannot be measured. To be called while nothing else is armed; takes
// some tens of milliseconds.
double measure_probe_hit(AllocProbes& probes, OwnFunction function = OwnFunction::kEmulated);

}  // namespace cw
