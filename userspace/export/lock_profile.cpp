#include "export/lock_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "export/lock_label.h"
#include "output/layout.h"

namespace cw {
namespace {

// An observer may run for months. What is new beyond these joins the rest.
constexpr std::size_t kMostStacks = 20'000;
constexpr std::size_t kMostFrames = 100'000;
constexpr std::size_t kMostLocks = 1'000;
constexpr std::size_t kLongestName = 4'000;  // columns
constexpr double kNsPerSecond = 1e9;
constexpr const char* kOther = "other";

double share_or_none(double share) {
  return std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
}

}  // namespace

void LockProfile::add(const Report& report) {
  if (started_.empty()) started_ = report.started;
  duration_s_ += report.interval_s;
  for (const LockReport& lock : report.locks) add(lock, report.interval_s);
  const NotListed& others = report.locks_not_listed;
  const Weight rest{.count = others.waits,
                    .ns = others.waiters_mean * report.interval_s * kNsPerSecond};
  if (others.count == 0) return;
  const std::uint32_t index =
      index_of({.process = kOther, .kind = LockKind::kUnknown, .name = kOther});
  add_rest(waiters_, index, rest);
  add_rest(releasers_, index, {.count = 0, .ns = rest.ns});
}

void LockProfile::add(const LockReport& lock, double interval_s) {
  std::string label = lock.waiters.empty() ? "" : lock_label(lock);
  const std::uint32_t index = index_of({.process = printable(lock.comm),
                                        .kind = lock.kind,
                                        .name = label.empty() ? kOther : std::move(label)});
  const double waiting = lock.waiters_mean * interval_s * kNsPerSecond;
  Weight rest{.count = lock.waits, .ns = waiting};
  for (const Waiters& waiters : lock.waiters) {
    const Weight weight{.count = std::min(waiters.waits, rest.count),
                        .ns = std::min(rest.ns, waiting * share_or_none(waiters.share))};
    add_stack(waiters_, index, waiters.stack, weight);
    rest.count -= weight.count;
    rest.ns -= weight.ns;
  }
  add_rest(waiters_, index, rest);

  const double attributed = waiting * (1 - share_or_none(lock.unattributed_share));
  rest = {.count = 0, .ns = waiting};
  for (const Releasers& releasers : lock.releasers) {
    const Weight weight{.count = releasers.wakes,
                        .ns = std::min(rest.ns, attributed * share_or_none(releasers.share))};
    add_stack(releasers_, index, releasers.stack, weight);
    rest.ns -= weight.ns;
  }
  add_rest(releasers_, index, rest);
}

void LockProfile::add_rest(Stacks& stacks, std::uint32_t lock, Weight rest) {
  if (rest.count == 0 && !(rest.ns >= 1)) return;
  Weight& sum = stacks[{.lock = lock, .complete = true, .frames = {}}];
  sum.count += rest.count;
  sum.ns += rest.ns;
}

void LockProfile::add_stack(Stacks& stacks, std::uint32_t lock, const Stack& stack, Weight weight) {
  ProfiledStack key{.lock = lock, .complete = stack.complete, .frames = {}};
  const bool fits = index_frames(stack, key.frames);
  if (!fits || (stacks.size() >= kMostStacks && !stacks.contains(key))) {
    add_rest(stacks, lock, weight);
    return;
  }
  if (key.frames.empty()) key.complete = true;
  Weight& sum = stacks[std::move(key)];
  sum.count += weight.count;
  sum.ns += weight.ns;
}

std::uint32_t LockProfile::index_of(ProfiledLock lock) {
  if (!lock_indices_.contains(lock) && locks_.size() >= kMostLocks)
    lock = {.process = kOther, .kind = LockKind::kUnknown, .name = kOther};
  const auto [entry, is_new] =
      lock_indices_.try_emplace(lock, static_cast<std::uint32_t>(locks_.size()));
  if (is_new) locks_.push_back(std::move(lock));
  return entry->second;
}

// Of a function with a name it does not matter where in it, but for the line.
bool LockProfile::index_frames(const Stack& stack, std::vector<std::uint32_t>& frames) {
  for (const Frame& frame : stack.frames) {
    FrameKey key{
        frame.function,          frame.module,           frame.function.empty() ? frame.offset : 0,
        frame.file.value_or(""), frame.line.value_or(0), frame.inlined};
    const auto found = frame_indices_.find(key);
    if (found != frame_indices_.end()) {
      frames.push_back(found->second);
      continue;
    }
    if (frames_.size() >= kMostFrames) return false;
    const auto index = static_cast<std::uint32_t>(frames_.size());
    frame_indices_.emplace(std::move(key), index);
    frames_.push_back(frame);
    frames.push_back(index);
  }
  return true;
}

std::string frame_name(const Frame& frame) {
  if (!frame.function.empty()) return cut(printable(frame.function), kLongestName);
  if (frame.module.empty()) return "[unknown]";
  return cut(printable(fmt::format("{}+{:#x}", frame.module, frame.offset)), kLongestName);
}

std::string lock_name(const ProfiledLock& lock) {
  if (lock.name == kOther && lock.process == kOther) return "other locks";
  return lock.name == kOther ? fmt::format("other {} locks", name_of(lock.kind))
                             : fmt::format("{} {}", name_of(lock.kind), lock.name);
}

}  // namespace cw
