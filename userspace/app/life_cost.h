// What following blocks costs on this machine, and how long a call seems to take that takes no
// time: measured on ourselves.
#pragma once

#include "probes/life_governor.h"
#include "probes/life_probes.h"

namespace cw {

struct MeasuredLives {
  LifeCosts costs;
  double floor_ns = 0;  // a call's time as its two probes see it, of an empty function; 0: unknown
};

// To be called while nothing else is armed; takes some tens of milliseconds.
MeasuredLives measure_lives(LifeProbes& probes);

}  // namespace cw
