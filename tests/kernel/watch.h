// The probes on a workload, without the daemon around them. CW_TEST_HOOKS=functions|tracepoints
// forces the set of hooks for every test that does not choose one itself; CW_TEST_SLACK=N makes
// tolerances of time N times as wide, for machines that are emulated.
#pragma once

#include <cstdint>
#include <string>

#include "analysis/interval.h"
#include "probes/lock_probes.h"

namespace cw::test {

class Watch {
 public:
  // Loads, watches and attaches; throws with the probes' own message where that fails.
  explicit Watch(std::int32_t pid, const ProbeOptions& options = {});
  // The whole machine.
  static Watch machine();

  // What happened since the last call, or since attaching.
  Interval interval();
  LockProbes& probes() { return probes_; }
  [[nodiscard]] const Snapshot& last() const { return last_; }

 private:
  explicit Watch(LockProbes probes);
  LockProbes probes_;
  Snapshot last_;
};

// The word at `address` of process `pid`; one that saw nothing where there is none.
Word word_at(const Interval& interval, std::int32_t pid, std::uint64_t address);
// All words of the interval together, counters only.
Word sum_of_words(const Interval& interval);

inline std::uint64_t waits_of(const Word& word) {
  return completed(word);
}

// |measured - truth| <= share x truth, times the slack.
bool within(double measured, double truth, double share);

}  // namespace cw::test
