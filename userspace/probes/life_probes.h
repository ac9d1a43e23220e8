// Follows blocks of an allocator from the call that makes them to the one that gives them back:
// loads the programs of lives.bpf.c, attaches them for as long as a window is open, and reads what
// they saw.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/snapshot.h"
#include "probes/alloc_probes.h"
#include "probes/armed_probes.h"
#include "probes/hit_counts.h"
#include "probes/lock_probes.h"

namespace cw {

// Where a call into an allocator passes. One that allocates is to be probed where its return
// address is at the stack pointer, and must never end otherwise than by returning.
struct LifeProbe {
  AllocProbe call;  // `resized`: of any block that is resized
  // The register of where the call stores its result; it returns 0 if it did.
  std::optional<std::uint8_t> result_at;
  // Where there is no block to resize, the call goes on to another probe and counts there.
  bool hands_over = false;
};

// The time in which blocks are followed.
struct FollowingTime {
  std::uint64_t open_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t close_ns = 0;
  std::uint32_t one_in = 1;  // calls, on average
  bool with_stacks = true;
};

struct FollowedBlock {
  StackId stack = 0;
  std::uint64_t bytes = 0;
  std::uint32_t allocator = 0;
  std::uint64_t call_ns = 0;   // when the call that made it passed its probe
  std::uint64_t born_ns = 0;   // when it returned
  std::uint64_t ended_ns = 0;  // 0: it had not when the window closed
  bool elsewhere = false;      // by another thread than the one that made it
  // Probes that the thread that made it ran into meanwhile, and those of its calls whose result was
  // awaited; none are known where it ended elsewhere.
  std::uint32_t hits = 0;
  std::uint32_t samples = 0;
};

// Only grows.
struct LifeCounts {
  HitCounts hits;
  std::uint64_t samples = 0;  // calls whose result was awaited
};

class LifeProbes {
 public:
  // How the result of a call is seen.
  enum class Method : std::uint8_t {
    kSession,  // only calls that are followed are probed at their return, too (Linux 6.13)
    kPair,     // all calls in a window are (Linux 6.6)
  };

  // `locks`, whose stacks it shares, must outlive this. Errors: the kernel has neither.
  static Result<LifeProbes> load(const LockProbes& locks,
                                 std::optional<Method> forced = std::nullopt);

  LifeProbes(LifeProbes&&) noexcept;
  LifeProbes& operator=(LifeProbes&&) noexcept;
  ~LifeProbes();

  [[nodiscard]] Method method() const;
  // Attaches to one process; likewise AllocProbes::arm().
  Result<ArmedProbes> arm(std::int32_t pid, std::span<const LifeProbe> probes) const;
  // When blocks are followed next. To be called while nothing is armed.
  void follow_in(const FollowingTime& time);
  // Ends it early; true if it was still on.
  bool stop_following(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t closes_at() const;
  [[nodiscard]] LifeCounts counts(std::uint64_t stepped_weight) const;
  // Of the last window, and forgets them. To be called while nothing is armed.
  std::vector<FollowedBlock> take_blocks();

  [[nodiscard]] Losses losses() const;

 private:
  struct State;
  explicit LifeProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

const char* name_of(LifeProbes::Method method);  // "uprobe.session", "uprobe.multi pair"

}  // namespace cw
