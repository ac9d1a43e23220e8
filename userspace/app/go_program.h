// One Go program, and the probes by which its goroutines are seen to wait: in place for as much of
// the time as the budget allows. Where waits are too many for that, in windows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "analysis/interval.h"
#include "model/go_sites.h"
#include "probes/allowance.h"
#include "probes/goroutine_probes.h"

namespace cw {

class GoProgram {
 public:
  // `budget_share`: of its CPU time.
  GoProgram(std::int32_t pid, ImageId image, GoSites sites, double budget_share);

  [[nodiscard]] std::int32_t pid() const { return pid_; }
  [[nodiscard]] ImageId image() const { return image_; }
  [[nodiscard]] bool is_observable() const { return !sites_.sites.empty() && refused_.empty(); }
  [[nodiscard]] bool is_armed() const { return armed_.has_value(); }
  [[nodiscard]] std::optional<std::size_t> place() const { return place_; }
  [[nodiscard]] double cpus() const { return cpus_; }
  // Why nothing can be seen of it; empty: nothing hinders.
  [[nodiscard]] const std::string& why_not() const {
    return refused_.empty() ? sites_.why_none : refused_;
  }

  // `cpus`: that it uses lately; `budget_share`: as above, of now.
  void use(double cpus, double budget_share);
  // Its place among those that may be probed; see GoroutineProbes::arm().
  void take(std::size_t place, const GoroutineProbes& probes);
  void give_back(GoroutineProbes& probes);

  // A few times in each interval, while it has a place. `hit_ns`: what the process loses to a hit,
  // `program_ns` of it to our program, which is booked elsewhere. True: a window was waited for.
  bool look(GoroutineProbes& probes, double hit_ns, double program_ns);

  // Of the interval that ends now: the part of it in which it was probed.
  double take_seen_share(const Interval& interval);
  // Of its cost, what is not booked elsewhere; since it was last asked.
  std::uint64_t take_cost_ns();

 private:
  void settle(const GoroutineProbes& probes);
  [[nodiscard]] bool may_stay() const;
  [[nodiscard]] std::uint64_t next_window_ns() const;
  [[nodiscard]] bool can_afford(std::uint64_t window_ns) const;
  void arm(const GoroutineProbes& probes);
  void disarm(GoroutineProbes& probes);
  bool begin_window(GoroutineProbes& probes);
  void give_up_in_debt(GoroutineProbes& probes);

  std::int32_t pid_;
  ImageId image_;
  GoSites sites_;
  std::string refused_;
  double cpus_ = 1;  // for all that is known before it was looked at for a while
  std::optional<std::size_t> place_;
  std::optional<ArmedProbes> armed_;
  Allowance allowance_;
  double hit_ns_ = 0;
  double program_ns_ = 0;
  std::optional<double> cost_per_ns_;  // while armed, lately
  std::uint64_t settled_ns_;
  std::uint64_t settled_hits_ = 0;
  std::uint64_t cost_ns_ = 0;
  std::uint64_t began_ns_ = 0;    // when it was armed
  std::uint64_t counted_ns_ = 0;  // up to when being armed was counted in seen_ns_
  std::uint64_t seen_ns_ = 0;     // armed, since the last report
  std::uint64_t window_ns_ = 0;   // of the window that is open
  std::uint64_t wait_ns_ = 0;     // how long goroutines wait, lately
  std::uint64_t cut_ns_ = 0;      // the longest wait that the last window cut
};

}  // namespace cw
