// From what was found to what it means: a pure function, so that every machine can be tested on
// one.
#pragma once

#include "model/doctor.h"

namespace cw {

DoctorReport diagnose(const DoctorFacts& facts);

}  // namespace cw
