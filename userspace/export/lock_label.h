// What a lock is called where its name is kept for long: by a time series, or in a profile.
#pragma once

#include <string>

#include "model/report.h"

namespace cw {

// "orders::ledger", "heap, locked in orders::lookup". Empty: it has no name but an address, or a
// thread's number, which the next run would not know.
std::string lock_label(const LockReport& lock);

}  // namespace cw
