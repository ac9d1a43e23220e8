#include "export/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "export/exposition.h"
#include "export/lock_label.h"
#include "export/report_time.h"
#include "output/layout.h"

namespace cw {
namespace {

// An observer may run for months. What is new beyond these joins the rest.
constexpr std::size_t kMostStacks = 20'000;
constexpr std::size_t kMostFrames = 100'000;
constexpr std::size_t kMostLocks = 1'000;
constexpr std::size_t kLongestName = 4'000;  // columns
constexpr const char* kOther = "other";

double share_or_none(double share) {
  return std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
}

}  // namespace

void Profile::add(const Report& report) {
  if (started_.empty()) started_ = report.started;
  duration_s_ += report.interval_s;
  if (what_ == ProfileOf::kLocks) {
    add_locks(report);
    return;
  }
  for (const AllocatorReport& allocator : report.allocators) add(allocator, report.interval_s);
}

// Rates that were extrapolated, times the interval: an estimate, as they are.
void Profile::add(const AllocatorReport& allocator, double interval_s) {
  if (!allocator.allocs_per_s || !allocator.bytes_per_s) return;
  const std::uint32_t index = index_of({.process = printable(allocator.comm),
                                        .kind = LockKind::kAllocator,
                                        .name = label_value(allocator.allocator)});
  const auto total = [&](double per_s) {
    return std::isfinite(per_s) && per_s > 0 ? per_s * interval_s : 0;
  };
  Weight rest{.count = total(allocator.allocs_per_s->estimate),
              .amount = total(allocator.bytes_per_s->estimate)};
  for (const AllocationSiteReport& site : allocator.sites) {
    const Weight weight{.count = std::min(rest.count, total(site.allocs_per_s)),
                        .amount = std::min(rest.amount, total(site.bytes_per_s))};
    add_stack(waiters_, index, site.stack, weight);
    rest.count -= weight.count;
    rest.amount -= weight.amount;
  }
  add_rest(waiters_, index, rest);
}

void Profile::add_locks(const Report& report) {
  for (const LockReport& lock : report.locks) add(lock, report.interval_s);
  const NotListed& others = report.locks_not_listed;
  const Weight rest{.count = static_cast<double>(others.waits),
                    .amount = others.waiters_mean * report.interval_s * kNsPerSecond};
  if (others.count == 0) return;
  const std::uint32_t index =
      index_of({.process = kOther, .kind = LockKind::kUnknown, .name = kOther});
  add_rest(waiters_, index, rest);
  add_rest(releasers_, index, {.count = 0, .amount = rest.amount});
}

void Profile::add(const LockReport& lock, double interval_s) {
  std::string label = lock.waiters.empty() ? "" : lock_label(lock);
  const std::uint32_t index = index_of({.process = printable(lock.comm),
                                        .kind = lock.kind,
                                        .name = label.empty() ? kOther : std::move(label)});
  const double waiting = lock.waiters_mean * interval_s * kNsPerSecond;
  Weight rest{.count = static_cast<double>(lock.waits), .amount = waiting};
  for (const Waiters& waiters : lock.waiters) {
    const Weight weight{.count = std::min(static_cast<double>(waiters.waits), rest.count),
                        .amount = std::min(rest.amount, waiting * share_or_none(waiters.share))};
    add_stack(waiters_, index, waiters.stack, weight);
    rest.count -= weight.count;
    rest.amount -= weight.amount;
  }
  add_rest(waiters_, index, rest);

  const double attributed = waiting * (1 - share_or_none(lock.unattributed_share));
  rest = {.count = 0, .amount = waiting};
  for (const Releasers& releasers : lock.releasers) {
    const Weight weight{
        .count = static_cast<double>(releasers.wakes),
        .amount = std::min(rest.amount, attributed * share_or_none(releasers.share))};
    add_stack(releasers_, index, releasers.stack, weight);
    rest.amount -= weight.amount;
  }
  add_rest(releasers_, index, rest);
}

void Profile::add_rest(Stacks& stacks, std::uint32_t lock, Weight rest) {
  if (!(rest.count >= 1) && !(rest.amount >= 1)) return;
  Weight& sum = stacks[{.lock = lock, .complete = true, .frames = {}}];
  sum.count += rest.count;
  sum.amount += rest.amount;
}

void Profile::add_stack(Stacks& stacks, std::uint32_t lock, const Stack& stack, Weight weight) {
  ProfiledStack key{.lock = lock, .complete = stack.complete, .frames = {}};
  const bool fits = index_frames(stack, key.frames);
  if (!fits || (stacks.size() >= kMostStacks && !stacks.contains(key))) {
    add_rest(stacks, lock, weight);
    return;
  }
  if (key.frames.empty()) key.complete = true;
  Weight& sum = stacks[std::move(key)];
  sum.count += weight.count;
  sum.amount += weight.amount;
}

std::uint32_t Profile::index_of(ProfiledLock lock) {
  if (!lock_indices_.contains(lock) && locks_.size() >= kMostLocks)
    lock = {.process = kOther, .kind = LockKind::kUnknown, .name = kOther};
  const auto [entry, is_new] =
      lock_indices_.try_emplace(lock, static_cast<std::uint32_t>(locks_.size()));
  if (is_new) locks_.push_back(std::move(lock));
  return entry->second;
}

// Of a function with a name it does not matter where in it, but for the line.
bool Profile::index_frames(const Stack& stack, std::vector<std::uint32_t>& frames) {
  for (const Frame& frame : stack.frames) {
    FrameKey key{
        frame.function,          frame.module,           frame.function.empty() ? frame.offset : 0,
        frame.file.value_or(""), frame.line.value_or(0), frame.inlined,
        frame.build_id};
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
