// Which of several intervals tells most.
#pragma once

#include "model/report.h"

namespace cw::live {

// By the verdict, then by how many threads wait for the worst lock.
bool is_worse(const Report& report, const Report& other);

}  // namespace cw::live
