#include "analysis/objects.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "analysis/word_parts.h"

namespace cw {
namespace {

constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio

struct KeyHash {
  std::size_t operator()(const WordKey& key) const {
    return std::hash<std::uint64_t>{}((key.address ^ (key.space << 20U)) * kSpread +
                                      (std::uint64_t{key.device} << 1U) +
                                      static_cast<std::uint64_t>(key.scope));
  }
};

using HintsByWord = std::unordered_map<WordKey, std::uint32_t, KeyHash>;

std::uint32_t hints_at(const HintsByWord& hints, WordKey key, std::int64_t distance) {
  key.address += static_cast<std::uint64_t>(distance);
  const auto found = hints.find(key);
  return found == hints.end() ? 0 : found->second;
}

HintsByWord hints_by_word(const std::vector<ObjectWord>& words) {
  HintsByWord hints;
  for (const ObjectWord& entry : words) {
    std::uint32_t seen = 0;
    for (const WaitSite& site : entry.word->wait_sites) seen |= hints_of(site.op, site.value);
    for (const WaitInProgress* wait : entry.in_progress)
      seen |= hints_of(wait->op, wait->value_class);
    if (seen != 0) hints.emplace(entry.word->key, seen);
  }
  return hints;
}

bool all_on_waiters_stack(const ObjectWord& entry) {
  const auto& sites = entry.word->wait_sites;
  return (!sites.empty() || !entry.in_progress.empty()) &&
         std::ranges::all_of(
             sites, [](const WaitSite& site) { return site.on_own_stack >= site.waits; }) &&
         std::ranges::all_of(entry.in_progress,
                             [](const WaitInProgress* wait) { return wait->on_own_stack; });
}

std::uint32_t evidence_of(const Interval& interval, const ObjectWord& entry,
                          const HintsByWord& hints) {
  const Word& word = *entry.word;
  EarlierBehaviour behaviour{word.repeats, word.value_changes};
  const auto earlier = interval.earlier.find(word.id);
  if (earlier != interval.earlier.end()) behaviour = earlier->second;

  std::uint32_t evidence = 0;
  const auto add_if = [&](bool is_so, Evidence what) {
    if (is_so) evidence |= what;
  };
  add_if(word.key.address % 8 == 0, kAligned);
  add_if(word.key.address % 8 == 4, kHalfAligned);
  add_if(behaviour.repeats > 0, kRepeats);
  add_if(behaviour.value_changes == 0, kSteady);
  add_if(behaviour.value_changes > 0, kMoves);
  add_if(all_on_waiters_stack(entry), kOnWaitersStack);
  add_if(word.first_value == 0x80000000U, kOnlyHighBit);
  const std::uint32_t here = hints_at(hints, word.key, 0);
  const std::uint32_t after = hints_at(hints, word.key, 4);
  const std::uint32_t before = hints_at(hints, word.key, -4);
  add_if(((here | after) & kGlibcRwlockHint) != 0, kBesideRwlock);
  add_if((before & kRustRwlockHint) != 0, kAfterRustRwlock);
  add_if((after & kCondvarHint) != 0, kBeforeCondvar);
  return evidence;
}

constexpr std::size_t kSitesAsked = 8;  // of one word; the others are told by their call

// What one use of a word tells of it.
struct Candidate {
  Classification what;
  std::uint16_t op = 0;
  const std::string* own = nullptr;
  double heaviest = -1;
  double weight = 0;
};

// A word whose use the frames know only as "made for one or for several" is a lock when several
// wait at once, and have it in turn. A queue's idle takers wait at once, too, but get nothing.
Classification settled(Classification what, const Word& word) {
  constexpr double kCrowd = 1.02;  // the two integrals are not read at the same instant
  if (what.has(kLockWhenCrowded) && word.woken != 0 &&
      static_cast<double>(word.waiting_ns) > kCrowd * static_cast<double>(word.busy_ns))
    what.kind = LockKind::kMutex;
  return what;
}

void ask_for_heaviest(ObjectWord& entry, SiteKinds& sites) {
  std::vector<std::pair<std::uint64_t, CallSite>> heaviest;
  heaviest.reserve(entry.word->wait_sites.size() + entry.in_progress.size());
  for (const WaitSite& site : entry.word->wait_sites)
    heaviest.emplace_back(site.wait_ns, call_site(site));
  for (const WaitInProgress* wait : entry.in_progress)
    if (has_say(entry, *wait)) heaviest.emplace_back(~std::uint64_t{0}, call_site(*wait));
  const std::size_t asked = std::min(heaviest.size(), kSitesAsked);
  std::ranges::partial_sort(heaviest, heaviest.begin() + static_cast<std::ptrdiff_t>(asked),
                            std::ranges::greater{}, [](const auto& site) { return site.first; });
  for (std::size_t i = 0; i < asked; ++i) {
    const SiteKind* const kind = sites.ask(heaviest[i].second);
    if (kind == nullptr || entry.typical_kind != nullptr) continue;
    entry.typical = heaviest[i].second;
    entry.typical_kind = kind;
  }
}

// Memory is reused: the kind with the most wait time speaks for the word.
Candidate classify_word(const Interval& interval, const ObjectWord& entry, const SiteKinds* sites) {
  std::map<LockKind, Candidate> candidates;
  const auto weigh = [&](const CallSite& site, std::uint64_t wait_ns) {
    const Classification what = classify_site(entry, site, sites);
    Candidate& candidate = candidates[what.kind];
    const auto weight = static_cast<double>(wait_ns) + 1;
    candidate.weight += weight;
    if (weight <= candidate.heaviest) return;
    candidate.heaviest = weight;
    candidate.what = what;
    candidate.op = site.op;
    const SiteKind* const kind = kind_of_site(entry, site, sites);
    candidate.own = kind == nullptr ? nullptr : &kind->own;
  };
  for (const WaitSite& site : entry.word->wait_sites) weigh(call_site(site), site.wait_ns);
  for (const WaitInProgress* wait : entry.in_progress)
    if (has_say(entry, *wait)) weigh(call_site(*wait), inside_ns(interval, *wait));
  if (candidates.empty()) return {};
  return std::ranges::max_element(
             candidates, {}, [](const auto& entry_of_kind) { return entry_of_kind.second.weight; })
      ->second;
}

std::vector<ObjectWord> words_with_waits(const Interval& interval) {
  std::vector<ObjectWord> words;
  std::unordered_map<WordId, std::size_t> index;
  words.reserve(interval.grown.size());
  index.reserve(interval.grown.size());
  for (const Word& word : interval.grown) {
    index.emplace(word.id, words.size());
    words.push_back({.word = &word, .in_progress = {}, .typical = {}, .part = {}});
  }
  for (const WaitInProgress& wait : interval.in_progress)
    if (const auto found = index.find(wait.word); found != index.end())
      words[found->second].in_progress.push_back(&wait);
  return words;
}

// Waiting time from which on a word is among the `most` with the most of it.
std::uint64_t least_among(const std::vector<ObjectWord>& words, std::size_t most) {
  if (words.size() <= most) return 0;
  if (most == 0) return ~std::uint64_t{0};
  std::vector<std::uint64_t> waiting;
  waiting.reserve(words.size());
  for (const ObjectWord& entry : words) waiting.push_back(entry.word->waiting_ns);
  const auto last = waiting.begin() + static_cast<std::ptrdiff_t>(most) - 1;
  std::ranges::nth_element(waiting, last, std::ranges::greater{});
  return *last;
}

// Collects words under the objects they belong to.
class Grouping {
 public:
  Grouping(const Interval& interval, SiteKinds* sites) : interval_(interval), sites_(sites) {}

  void add(ObjectWord entry) {
    const Candidate candidate = classify_word(interval_, entry, sites_);
    if (candidate.what.has(kPerWaiter) || has_per_waiter_site(entry)) {
      add_parts(entry);
      return;
    }
    WordKey key = entry.word->key;
    key.address = object_address(key.address, candidate.what);
    put(index_[key], key, candidate, std::move(entry));
  }

  std::vector<LockObject> take() { return std::move(objects_); }

 private:
  using ByKind = std::map<LockKind, std::size_t>;
  // The acquiring site: process (0: any, the word is in a file), primitive, function.
  using SiteKey = std::tuple<std::uint64_t, std::string, std::string>;

  // The kind is part of the identity: an offset that was guessed wrong must not merge two locks.
  void put(ByKind& by_kind, const WordKey& key, const Candidate& candidate, ObjectWord entry) {
    const Classification what = settled(candidate.what, *entry.word);
    const auto [place, is_new] = by_kind.try_emplace(what.kind, objects_.size());
    if (is_new)
      objects_.push_back({.key = key,
                          .what = what,
                          .op = candidate.op,
                          .own = candidate.own == nullptr ? "" : *candidate.own,
                          .words = {}});
    LockObject& object = objects_[place->second];
    object.what.sure = object.what.sure || what.sure;
    object.words.push_back(std::move(entry));
  }

  [[nodiscard]] bool has_per_waiter_site(const ObjectWord& entry) const {
    return sites_ != nullptr &&
           std::ranges::any_of(entry.word->wait_sites, [&](const WaitSite& site) {
             return classify_site(entry, call_site(site), sites_).has(kPerWaiter);
           });
  }

  SiteKey key_of(const ObjectWord& entry, const CallSite& site) const {
    const SiteKind* const kind = kind_of_site(entry, site, sites_);
    const Classification what = classify_site(entry, site, sites_);
    const bool in_file = entry.word->key.scope == WordKey::Scope::kFile;
    const bool named = kind != nullptr && !what.has(kNamesItself);
    return {in_file ? 0 : site.image, what.primitive == nullptr ? "" : what.primitive,
            named ? kind->own : ""};
  }

  void add_parts(const ObjectWord& entry) {
    std::map<SiteKey, std::size_t> index;
    std::vector<WordPart> parts;
    std::vector<ObjectWord> words;
    const auto part_at = [&](const CallSite& site) {
      const auto [place, is_new] = index.try_emplace(key_of(entry, site), parts.size());
      if (is_new) {
        parts.emplace_back();
        words.push_back(entry);
        words.back().in_progress.clear();
      }
      return place->second;
    };
    for (const WaitSite& site : entry.word->wait_sites)
      parts[part_at(call_site(site))].wait_sites.push_back(site);
    for (const WaitInProgress* wait : entry.in_progress) {
      const std::size_t at = part_at(call_site(*wait));
      parts[at].in_progress_ns += inside_ns(interval_, *wait);
      parts[at].waiters += 1;
      words[at].in_progress.push_back(wait);
    }
    if (parts.size() == 1) {
      words[0].word = entry.word;
    } else {
      give_wakes(entry, parts);
      const auto shared = share_out(*entry.word, parts);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        words[i].part = shared[i];
        words[i].word = shared[i].get();
      }
    }
    for (const auto& [key, at] : index) put_part(key, std::move(words[at]));
  }

  // A thread's word is let go of by whoever releases what it waits for at that time: only wakes
  // whose own frames say which that is have a part to be charged to.
  void give_wakes(const ObjectWord& entry, std::vector<WordPart>& parts) const {
    std::vector<std::size_t> locks;
    std::vector<std::size_t> idle;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].wait_sites.empty()) continue;
      const auto what = classify_site(entry, call_site(parts[i].wait_sites.front()), sites_);
      (is_idle(what.kind) ? idle : locks).push_back(i);
    }
    for (const WakeSite& site : entry.word->wake_sites) {
      const WakeMeans means = sites_->wake_means(site.image, site.stack);
      if (means == WakeMeans::kUnlock && locks.size() == 1)
        parts[locks.front()].wake_sites.push_back(site);
      if (means == WakeMeans::kSignal && idle.size() == 1)
        parts[idle.front()].wake_sites.push_back(site);
    }
  }

  void put_part(const SiteKey& site, ObjectWord entry) {
    const Candidate candidate = classify_word(interval_, entry, sites_);
    WordKey key = entry.word->key;
    if (!candidate.what.has(kPerWaiter)) {
      key.address = object_address(key.address, candidate.what);
      put(index_[key], key, candidate, std::move(entry));
      return;
    }
    key.address = 0;
    if (key.scope == WordKey::Scope::kFile) key.space = 0;
    put(by_site_[site], key, candidate, std::move(entry));
  }

  const Interval& interval_;
  SiteKinds* sites_;
  std::vector<LockObject> objects_;
  std::unordered_map<WordKey, ByKind, KeyHash> index_;
  std::map<SiteKey, ByKind> by_site_;
};

}  // namespace

bool has_say(const ObjectWord& entry, const WaitInProgress& wait) {
  return !wait.is_left_to_others() || entry.word->wait_sites.empty();
}

CallSite call_site(const WaitSite& site) {
  return {.image = site.image, .stack = site.stack, .op = site.op, .value = site.value};
}
CallSite call_site(const WaitInProgress& wait) {
  return {.image = wait.image, .stack = wait.stack, .op = wait.op, .value = wait.value_class};
}

const SiteKind* kind_of_site(const ObjectWord& entry, const CallSite& site,
                             const SiteKinds* sites) {
  if (sites == nullptr) return nullptr;
  if (const SiteKind* const known = sites->known(site)) return known;
  const bool alike = site.op == entry.typical.op && site.value == entry.typical.value;
  return alike ? entry.typical_kind : nullptr;
}

Classification classify_site(const ObjectWord& entry, const CallSite& site,
                             const SiteKinds* sites) {
  const SiteKind* const kind = kind_of_site(entry, site, sites);
  return kind != nullptr && kind->what ? *kind->what
                                       : classify_call(site.op, site.value, entry.evidence);
}

std::vector<LockObject> group_words(const Interval& interval, SiteKinds* sites,
                                    std::size_t looked_at) {
  std::vector<ObjectWord> words = words_with_waits(interval);
  const HintsByWord hints = hints_by_word(words);
  const std::uint64_t least = least_among(words, looked_at);
  Grouping grouping(interval, sites);
  for (ObjectWord& entry : words) {
    entry.evidence = evidence_of(interval, entry, hints);
    if (sites != nullptr && (entry.word->waiting_ns >= least)) ask_for_heaviest(entry, *sites);
    grouping.add(std::move(entry));
  }
  return grouping.take();
}

}  // namespace cw
