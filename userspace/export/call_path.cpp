#include "export/call_path.h"

#include <ranges>

namespace cw {
namespace {

void add_stack(std::vector<PathPart>& path, const Profile& profile, const ProfiledStack& stack) {
  if (stack.frames.empty()) path.push_back({.name = "[other stacks]"});
  if (!stack.complete) path.push_back({.name = "..."});
  for (const std::uint32_t index : std::views::reverse(stack.frames)) {
    const Frame& frame = profile.frames()[index];
    path.push_back({.name = frame_name(frame), .frame = &frame});
  }
}

}  // namespace

std::vector<PathPart> stack_path(const Profile& profile, const ProfiledStack& stack) {
  std::vector<PathPart> path;
  add_stack(path, profile, stack);
  return path;
}

std::vector<PathPart> call_path(const Profile& profile, const ProfiledStack& stack) {
  const ProfiledLock& lock = profile.locks()[stack.lock];
  std::vector<PathPart> path{{.name = lock.process.empty() ? "[unknown]" : lock.process}};
  add_stack(path, profile, stack);
  path.push_back({.name = "[" + lock_name(lock) + "]"});
  return path;
}

}  // namespace cw
