#include "export/flame_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "export/call_path.h"

namespace cw {
namespace {

FlameNode& descend(FlameNode& from, const std::string& name, const Weight& weight) {
  FlameNode& node = from.inside[name];
  node.count += weight.count;
  node.amount += weight.amount;
  return node;
}

void add(FlameNode& root, const Profile& profile, const ProfiledStack& stack,
         const Weight& weight) {
  root.count += weight.count;
  root.amount += weight.amount;
  FlameNode* node = &root;
  for (const PathPart& part : stack_path(profile, stack)) node = &descend(*node, part.name, weight);
}

}  // namespace

std::size_t FlameNode::depth() const {
  std::size_t deepest = 0;
  for (const auto& [name, node] : inside) deepest = std::max(deepest, node.depth() + 1);
  return deepest;
}

std::vector<FlameLock> flame_locks(const Profile& profile) {
  std::vector<FlameLock> locks;
  for (const ProfiledLock& lock : profile.locks())
    locks.push_back({.name = fmt::format("{} ({})", lock_name(lock), lock.process),
                     .amount = 0,
                     .waiters = {},
                     .releasers = {}});
  for (const auto& [stack, weight] : profile.waiters())
    add(locks[stack.lock].waiters, profile, stack, weight);
  for (const auto& [stack, weight] : profile.releasers())
    add(locks[stack.lock].releasers, profile, stack, weight);
  for (FlameLock& lock : locks) lock.amount = lock.waiters.amount;
  std::erase_if(locks, [](const FlameLock& lock) { return !(lock.amount >= 1); });
  std::ranges::sort(locks, [](const FlameLock& a, const FlameLock& b) {
    return std::tie(b.amount, a.name) < std::tie(a.amount, b.name);
  });
  return locks;
}

}  // namespace cw
