// What happened between two snapshots.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/snapshot.h"

namespace cw {

// How a word behaved before the interval. A lock on which all threads hang has nothing to show
// for itself any more; what it showed earlier still tells what it is.
struct EarlierBehaviour {
  std::uint64_t repeats = 0;
  std::uint64_t value_changes = 0;
};

struct Interval {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  // As of the end, those that ended included; exited_cpu_ns and exited_delay_ns are what was added
  // in the interval.
  std::unordered_map<ImageId, Image> images;
  // Words with any activity; every counter is what was added, `waiters` is that of the end.
  std::vector<Word> grown;
  // By word, for words on which nobody began or ended a wait in the interval.
  std::unordered_map<WordId, EarlierBehaviour> earlier;
  std::vector<WaitInProgress> in_progress;  // at the end
  Losses losses;                            // in the interval

  [[nodiscard]] std::uint64_t length_ns() const { return end_ns - begin_ns; }
  [[nodiscard]] double length_s() const { return static_cast<double>(length_ns()) / 1e9; }
};

// `after` less `before`. A word that `before` does not know counts from zero, and so does one
// whose counters went back: it was forgotten and seen again. Nothing comes out negative.
Interval difference(const Snapshot& before, const Snapshot& after);

// Part of a wait in progress that lies inside the interval.
std::uint64_t inside_ns(const Interval& interval, const WaitInProgress& wait);

// Waits on `word` that ended in the interval it was taken from.
std::uint64_t completed(const Word& word);

}  // namespace cw
