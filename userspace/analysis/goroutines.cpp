#include "analysis/goroutines.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace cw {
namespace {

// Those of a word that grow with the time in which it is looked at. How many goroutines waited does
// not.
constexpr std::array kGrowing = {&Word::waiting_ns, &Word::busy_ns, &Word::charged_ns,
                                 &Word::at_least,   &Word::wait_ns, &Word::wakes};

bool is_goroutine_op(std::uint16_t op) {
  return (op & kOpCommand) == kOpGoroutine;
}

bool is_of_goroutines(const Word& word) {
  return std::ranges::any_of(word.wait_sites,
                             [](const WaitSite& site) { return is_goroutine_op(site.op); }) ||
         std::ranges::any_of(word.wake_sites,
                             [](const WakeSite& site) { return is_goroutine_op(site.op); });
}

class Factor {
 public:
  explicit Factor(double by) : by_(by) {}
  void apply(std::uint64_t& value) const {
    value = static_cast<std::uint64_t>(std::llround(static_cast<double>(value) * by_));
  }
  void apply(Histogram& histogram) const {
    Histogram more;
    for (auto [bucket, count] : histogram.buckets()) {
      apply(count);
      more.add(bucket, count);
    }
    histogram = more;
  }
  void apply(Word& word) const {
    for (const auto counter : kGrowing) apply(word.*counter);
    apply(word.wait_hist);
    apply(word.gap_hist);
    for (WaitSite& site : word.wait_sites) {
      apply(site.waits);
      apply(site.wait_ns);
    }
    for (WakeSite& site : word.wake_sites) {
      apply(site.wakes);
      apply(site.charged_ns);
    }
  }

 private:
  double by_;
};

}  // namespace

std::uint64_t goroutine_wait_ns(const Interval& interval) {
  std::uint64_t ended = 0;
  std::uint64_t wait_ns = 0;
  for (const Word& word : interval.grown) {
    if (!is_of_goroutines(word)) continue;
    ended += completed(word);
    wait_ns += word.wait_ns;
  }
  if (ended != 0) return wait_ns / ended;
  std::uint64_t longest = 0;
  for (const WaitInProgress& wait : interval.in_progress)
    if (wait.is_of_goroutine())
      longest = std::max(longest, interval.end_ns - std::min(interval.end_ns, wait.start_ns));
  return longest;
}

void extrapolate_goroutines(Interval& interval, double seen_share) {
  if (seen_share <= 0 || seen_share >= 1) return;
  const Factor factor(1 / seen_share);
  for (Word& word : interval.grown) {
    if (!is_of_goroutines(word)) continue;
    factor.apply(word);
    word.busy_ns = std::min(word.busy_ns, interval.length_ns());
    word.woken = word.wait_hist.count();  // nothing else ends such a wait
    word.unsettled = 0;
  }
}

}  // namespace cw
