// A stack of a profile as names, root first.
#pragma once

#include <string>
#include <vector>

#include "export/profile.h"

namespace cw {

struct PathPart {
  std::string name;
  const Frame* frame = nullptr;  // the profile's, where the name is a function's
};

// main, orders::lookup, pthread_mutex_lock. Before them "..." where the stack does not reach the
// thread's first function; "[other stacks]" alone for what the reports did not show.
std::vector<PathPart> stack_path(const Profile& profile, const ProfiledStack& stack);

// The same between the process and what is waited for: orders-api, ..., [mutex orders::ledger].
std::vector<PathPart> call_path(const Profile& profile, const ProfiledStack& stack);

}  // namespace cw
