// Where threads waited for locks, and who let them go on, or where they allocated, over all
// intervals: what profiles show.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/report.h"

namespace cw {

// Of allocations: an allocator, by its name.
struct ProfiledLock {
  std::string process;
  LockKind kind = LockKind::kUnknown;
  std::string name;  // as in lock_label(); "other": the report had no name for it

  auto operator<=>(const ProfiledLock&) const = default;
};

// Indices into Profile's frames() and locks(). Without frames: the rest, whose stacks the
// reports did not show.
struct ProfiledStack {
  std::uint32_t lock = 0;
  bool complete = true;               // reaches the thread's first function
  std::vector<std::uint32_t> frames;  // innermost first

  auto operator<=>(const ProfiledStack&) const = default;
};

// Waiting is threads x time inside the intervals, waits that have not ended included.
struct Weight {
  double count = 0;   // waits or wakes; allocations
  double amount = 0;  // nanoseconds; bytes
};

enum class ProfileOf : std::uint8_t { kLocks, kAllocations };

class Profile {
 public:
  explicit Profile(ProfileOf what = ProfileOf::kLocks) : what_(what) {}
  [[nodiscard]] ProfileOf what() const { return what_; }

  void add(const Report& report);

  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  [[nodiscard]] const std::vector<ProfiledLock>& locks() const { return locks_; }
  // Who waits; who allocates.
  [[nodiscard]] const std::map<ProfiledStack, Weight>& waiters() const { return waiters_; }
  // Who woke the waiters, by the waiting that had piled up. Of each lock as much as of waiters().
  [[nodiscard]] const std::map<ProfiledStack, Weight>& releasers() const { return releasers_; }
  [[nodiscard]] const std::string& started() const { return started_; }  // RFC 3339
  [[nodiscard]] double duration_s() const { return duration_s_; }

 private:
  using Stacks = std::map<ProfiledStack, Weight>;
  using FrameKey = std::tuple<std::string, std::string, std::uint64_t, std::string, std::uint32_t,
                              bool, std::string>;  // as in Frame, build-id last

  void add_locks(const Report& report);
  void add(const LockReport& lock, double interval_s);
  void add(const AllocatorReport& allocator, double interval_s);
  static void add_rest(Stacks& stacks, std::uint32_t lock, Weight rest);
  void add_stack(Stacks& stacks, std::uint32_t lock, const Stack& stack, Weight weight);
  std::uint32_t index_of(ProfiledLock lock);
  bool index_frames(const Stack& stack, std::vector<std::uint32_t>& frames);

  ProfileOf what_;
  std::vector<Frame> frames_;
  std::map<FrameKey, std::uint32_t> frame_indices_;
  std::vector<ProfiledLock> locks_;
  std::map<ProfiledLock, std::uint32_t> lock_indices_;
  Stacks waiters_;
  Stacks releasers_;
  std::string started_;
  double duration_s_ = 0;
};

// "orders::lookup", "liborders.so+0x1c40", "[unknown]"; printable.
std::string frame_name(const Frame& frame);
// "mutex orders::ledger".
std::string lock_name(const ProfiledLock& lock);

}  // namespace cw
