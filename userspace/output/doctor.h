// What doctor says, for people and for programs (schema contentionwatch.doctor/1).
#pragma once

#include <string>

#include "model/doctor.h"
#include "output/text.h"

namespace cw {

std::string to_text(const DoctorReport& report, const TextOptions& options = {});
// One object on one line, without the line's end. Invalid UTF-8 in names is replaced.
std::string to_json(const DoctorReport& report);

}  // namespace cw
