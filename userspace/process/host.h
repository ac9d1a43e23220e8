// What /proc and /sys say of the machine, as far as it decides what can be observed.
#pragma once

#include "model/doctor_facts.h"

namespace cw {

HostFacts host_facts();

}  // namespace cw
