// Probes on the functions of Go's runtime that goroutines wait for mutexes in. What passes them is
// booked with the waits of threads and comes with their snapshots (bpf/hooks_goroutines.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/error.h"
#include "model/go_sites.h"
#include "model/snapshot.h"
#include "probes/armed_probes.h"
#include "probes/lock_probes.h"

namespace cw {

class GoroutineProbes {
 public:
  static constexpr std::size_t kPlaces = 4;  // programs that may be probed at a time

  // Takes the rights to load programs. Works on the maps of `locks`, which must outlive this.
  static Result<GoroutineProbes> load(LockProbes& locks, UprobeWay uprobes);

  GoroutineProbes(GoroutineProbes&&) noexcept;
  GoroutineProbes& operator=(GoroutineProbes&&) noexcept;
  ~GoroutineProbes();

  // See arm_sites(). Without uprobe.multi (Linux 6.6) by perf events, which takes CAP_SYS_ADMIN
  // each time. `place`: where its hits are counted.
  Result<ArmedProbes> arm(std::int32_t pid, const GoSites& sites, std::size_t place) const;
  // Whether programs can be probed again without CAP_SYS_ADMIN.
  [[nodiscard]] bool can_arm_again() const;
  // At a place, so far.
  [[nodiscard]] std::uint64_t hits(std::size_t place) const;

  // Waits that are taken out of the books.
  struct Forgotten {
    std::size_t waits = 0;
    std::uint64_t longest_ns = 0;  // so far
  };
  // Those that go on in a program that is not probed any longer: nobody will see them end.
  Forgotten forget_waits(ImageId image);

 private:
  struct State;
  explicit GoroutineProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cw
