// The groups of checks that doctor makes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/doctor.h"

namespace cw {

std::vector<CapabilityReport> capabilities_of(const DoctorFacts& facts);
std::vector<Check> check_rights(const DoctorFacts& facts);
std::vector<Check> check_kernel(const DoctorFacts& facts);
std::vector<Check> check_hooks(const DoctorFacts& facts);
std::vector<Check> check_process(const ProcessFacts& process, const DoctorFacts& facts);

bool holds(const DoctorFacts& facts, std::string_view right);
// Whether observing rests on the tracepoints of the system calls here, or on their functions.
bool takes_tracepoints(const DoctorFacts& facts);
bool takes_functions(const DoctorFacts& facts);

// A check of the kernel, not needed so far.
Check row(std::string name, bool ok, std::string value);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace cw
