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

bool is_of_goroutines(const Word& word) {
  return std::ranges::any_of(word.wait_sites, is_of_goroutine, &WaitSite::op) ||
         std::ranges::any_of(word.wake_sites, is_of_goroutine, &WakeSite::op);
}

ImageId image_of(const Word& word) {
  return static_cast<ImageId>(word.key.space);
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

std::uint64_t goroutine_wait_ns(const Interval& interval, ImageId image) {
  double length = 0;
  double squares = 0;
  for (const Word& word : interval.grown) {
    if (image_of(word) != image || !is_of_goroutines(word)) continue;
    for (const auto& [bucket, count] : word.wait_hist.buckets()) {
      const auto each = static_cast<double>(bucket_upper(bucket));
      length += static_cast<double>(count) * each;
      squares += static_cast<double>(count) * each * each;
    }
  }
  return length > 0 ? static_cast<std::uint64_t>(squares / length) : 0;
}

void extrapolate_goroutines(Interval& interval, const SeenShares& seen) {
  for (Word& word : interval.grown) {
    const auto share = seen.find(image_of(word));
    if (share == seen.end() || share->second <= 0 || share->second >= 1) continue;
    if (!is_of_goroutines(word)) continue;
    Factor(1 / share->second).apply(word);
    word.busy_ns = std::min(word.busy_ns, interval.length_ns());
    word.woken = word.wait_hist.count();  // nothing else ends such a wait
    word.unsettled = 0;
  }
}

}  // namespace cw
