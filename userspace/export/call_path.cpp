#include "export/call_path.h"

#include <ranges>

namespace cw {

std::vector<std::string> call_path(const LockProfile& profile, const ProfiledStack& stack) {
  const ProfiledLock& lock = profile.locks()[stack.lock];
  std::vector<std::string> path{lock.process.empty() ? "[unknown]" : lock.process};
  if (stack.frames.empty()) path.emplace_back("[other stacks]");
  if (!stack.complete) path.emplace_back("...");
  for (const std::uint32_t frame : std::views::reverse(stack.frames))
    path.push_back(frame_name(profile.frames()[frame]));
  path.push_back("[" + lock_name(lock) + "]");
  return path;
}

}  // namespace cw
