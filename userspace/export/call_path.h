// A stack of a profile as names, root first: the process, its functions, what is waited for.
#pragma once

#include <string>
#include <vector>

#include "export/lock_profile.h"

namespace cw {

// {"orders-api", "main", "orders::lookup", "pthread_mutex_lock", "[mutex orders::ledger]"}. Behind
// the process "...", where the stack does not reach the thread's first function, and
// "[other stacks]" for what the reports did not show.
std::vector<std::string> call_path(const LockProfile& profile, const ProfiledStack& stack);

}  // namespace cw
