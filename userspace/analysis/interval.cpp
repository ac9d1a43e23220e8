#include "analysis/interval.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_set>

#include "analysis/site_weights.h"

namespace cw {
namespace {

// Exact counters: when one of these is lower than before, the word was forgotten in between.
constexpr std::array kCounts = {
    &Word::woken,    &Word::timed_out, &Word::interrupted, &Word::raced,   &Word::failed,
    &Word::at_least, &Word::wakes,     &Word::distinct,    &Word::repeats, &Word::value_changes};
// Sums of time: updated without a lock, so they may lag a little without any reset.
constexpr std::array kSums = {&Word::waiting_ns, &Word::busy_ns, &Word::charged_ns, &Word::wait_ns,
                              &Word::runnable_ns};

bool was_forgotten(const Word& before, const Word& after) {
  return before.key != after.key ||
         std::ranges::any_of(kCounts, [&](auto count) { return after.*count < before.*count; });
}

bool same_site(const WaitSite& a, const WaitSite& b) {
  return a.stack == b.stack && a.image == b.image && a.op == b.op && a.value == b.value;
}
bool same_site(const WakeSite& a, const WakeSite& b) {
  return a.stack == b.stack && a.image == b.image && a.op == b.op;
}

std::size_t hash_of(const WaitSite& site) {
  return std::hash<std::uint64_t>{}(site.stack ^ (std::uint64_t{site.image} << 32U) ^
                                    (std::uint64_t{site.op} << 8U) ^
                                    static_cast<std::uint64_t>(site.value));
}
std::size_t hash_of(const WakeSite& site) {
  return std::hash<std::uint64_t>{}(site.stack ^ (std::uint64_t{site.image} << 32U) ^ site.op);
}

// Finds a site among those of the snapshot before. Most words have a handful, in the same order
// in both snapshots; only for the others an index is worth its price.
template <typename Site>
class Earlier {
 public:
  explicit Earlier(const std::vector<Site>& sites) : sites_(sites) {
    if (sites.size() <= kScanned) return;
    index_.reserve(sites.size());
    for (const Site& site : sites) index_.emplace(hash_of(site), &site);
  }

  const Site* find(const Site& wanted, std::size_t position) const {
    if (position < sites_.size() && same_site(sites_[position], wanted)) return &sites_[position];
    if (sites_.size() <= kScanned) {
      const auto found =
          std::ranges::find_if(sites_, [&](const Site& site) { return same_site(site, wanted); });
      return found == sites_.end() ? nullptr : &*found;
    }
    const auto [first, last] = index_.equal_range(hash_of(wanted));
    for (auto entry = first; entry != last; ++entry)
      if (same_site(*entry->second, wanted)) return entry->second;
    return nullptr;
  }

 private:
  static constexpr std::size_t kScanned = 8;
  const std::vector<Site>& sites_;
  std::unordered_multimap<std::size_t, const Site*> index_;
};

bool subtract(const WaitSite& before, WaitSite& site) {
  if (site.waits < before.waits) return true;
  site.waits -= before.waits;
  site.wait_ns = grown_by(before.wait_ns, site.wait_ns);
  site.on_own_stack = grown_by(before.on_own_stack, site.on_own_stack);
  return site.waits != 0;
}
bool subtract(const WakeSite& before, WakeSite& site) {
  if (site.wakes < before.wakes) return true;
  site.wakes -= before.wakes;
  site.charged_ns = grown_by(before.charged_ns, site.charged_ns);
  return site.wakes != 0 || site.charged_ns != 0;
}

template <typename Site>
std::vector<Site> grown_sites(const std::vector<Site>& before, const std::vector<Site>& after) {
  std::vector<Site> grown;
  const Earlier<Site> earlier(before);
  for (std::size_t i = 0; i < after.size(); ++i) {
    Site site = after[i];
    const Site* const old = earlier.find(site, i);
    if (old == nullptr || subtract(*old, site)) grown.push_back(site);
  }
  return grown;
}

Word grown_word(const Word& before, const Word& after) {
  Word grown;
  grown.id = after.id;
  grown.key = after.key;
  grown.waiters = after.waiters;
  grown.first_value = after.first_value;
  for (const auto count : kCounts) grown.*count = after.*count - before.*count;
  grown.unsettled = after.unsettled - before.unsettled;
  for (const auto sum : kSums) grown.*sum = grown_by(before.*sum, after.*sum);
  grown.wait_hist = after.wait_hist.since(before.wait_hist);
  grown.gap_hist = after.gap_hist.since(before.gap_hist);
  grown.wait_sites = grown_sites(before.wait_sites, after.wait_sites);
  grown.wake_sites = grown_sites(before.wake_sites, after.wake_sites);
  // Goroutines are seen in windows: all of their waits may have begun in one and ended in none.
  const bool is_seen_in_part =
      grown.waiting_ns != 0 &&
      std::ranges::any_of(after.wait_sites, is_of_goroutine, &WaitSite::op);
  // No stack was taken in between: those of before are the best there is to say.
  if (grown.wait_sites.empty() && (completed(grown) != 0 || is_seen_in_part))
    grown.wait_sites = after.wait_sites;
  if (grown.wake_sites.empty() && grown.wakes != 0) grown.wake_sites = after.wake_sites;
  return grown;
}

bool is_active(const Word& word) {
  const auto is_set = [&](auto field) { return word.*field != 0; };
  return word.waiters != 0 || std::ranges::any_of(kCounts, is_set) ||
         std::ranges::any_of(kSums, is_set);
}

bool is_unchanged(const Word& before, const Word& after) {
  const auto same = [&](auto field) { return before.*field == after.*field; };
  return after.waiters == 0 && std::ranges::all_of(kCounts, same) &&
         std::ranges::all_of(kSums, same);
}

void subtract_words(const Snapshot& before, const Snapshot& after, Interval& interval) {
  std::unordered_set<WordId> waited_on;
  for (const WaitInProgress& wait : after.in_progress) waited_on.insert(wait.word);

  for (const auto& [id, word] : after.words) {
    const auto old = before.words.find(id);
    const bool known = old != before.words.end() && !was_forgotten(old->second, word);
    if (known && is_unchanged(old->second, word) && !waited_on.contains(id)) continue;
    Word grown = known ? grown_word(old->second, word) : word;
    grown.busy_ns = std::min(grown.busy_ns, interval.length_ns());
    if (!is_active(grown) && !waited_on.contains(id)) continue;
    fit_sites(grown);
    if (completed(grown) == 0 && (word.repeats != 0 || word.value_changes != 0))
      interval.earlier.emplace(id, EarlierBehaviour{word.repeats, word.value_changes});
    interval.grown.push_back(std::move(grown));
  }
  // The map's order is not ours to rely on: reports of the same facts have to be the same.
  std::ranges::sort(interval.grown, {}, &Word::id);
}

}  // namespace

Interval difference(const Snapshot& before, const Snapshot& after) {
  Interval interval;
  interval.begin_ns = std::min(before.time_ns, after.time_ns);
  interval.end_ns = after.time_ns;
  interval.images = after.images;
  for (auto& [id, image] : interval.images) {
    const auto old = before.images.find(id);
    if (old == before.images.end()) continue;
    image.exited_cpu_ns = grown_by(old->second.exited_cpu_ns, image.exited_cpu_ns);
    image.exited_delay_ns = grown_by(old->second.exited_delay_ns, image.exited_delay_ns);
  }
  subtract_words(before, after, interval);
  interval.in_progress = after.in_progress;
  interval.losses = {.waits = grown_by(before.losses.waits, after.losses.waits),
                     .stacks = grown_by(before.losses.stacks, after.losses.stacks),
                     .events = grown_by(before.losses.events, after.losses.events),
                     .map_full = grown_by(before.losses.map_full, after.losses.map_full)};
  return interval;
}

std::uint64_t inside_ns(const Interval& interval, const WaitInProgress& wait) {
  const std::uint64_t from = std::max(interval.begin_ns, wait.start_ns);
  return interval.end_ns > from ? interval.end_ns - from : 0;
}

std::uint64_t completed(const Word& word) {
  const auto settled = static_cast<std::int64_t>(word.woken + word.timed_out + word.interrupted);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, settled + word.unsettled));
}

}  // namespace cw
