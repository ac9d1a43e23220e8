// Whether a process can be observed, and what would be seen of it.
#pragma once

#include <cstdint>

#include "model/doctor_facts.h"
#include "model/error.h"

namespace cw {

// Errors: kNoProcess, with the reason, for what is no living user process.
Result<void> check_target(std::int32_t pid);

// Everything is tried: what is said to be readable was read.
ProcessFacts process_facts(std::int32_t pid);

}  // namespace cw
