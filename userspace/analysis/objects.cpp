#include "analysis/objects.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>

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

struct Candidate {
  Classification what;
  std::uint16_t op = 0;
  double heaviest = -1;
  double weight = 0;
};

// Memory is reused: the kind with the most wait time speaks for the word.
Candidate classify_word(const Interval& interval, const ObjectWord& entry) {
  std::map<LockKind, Candidate> candidates;
  const auto weigh = [&](std::uint16_t op, ValueClass value, std::uint64_t wait_ns) {
    const Classification what = classify_call(op, value, entry.evidence);
    Candidate& candidate = candidates[what.kind];
    const auto weight = static_cast<double>(wait_ns) + 1;
    candidate.weight += weight;
    if (weight <= candidate.heaviest) return;
    candidate.heaviest = weight;
    candidate.what = what;
    candidate.op = op;
  };
  for (const WaitSite& site : entry.word->wait_sites) weigh(site.op, site.value, site.wait_ns);
  for (const WaitInProgress* wait : entry.in_progress)
    weigh(wait->op, wait->value_class, inside_ns(interval, *wait));
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
    words.push_back({&word, {}, 0});
  }
  for (const WaitInProgress& wait : interval.in_progress)
    if (const auto found = index.find(wait.word); found != index.end())
      words[found->second].in_progress.push_back(&wait);
  return words;
}

}  // namespace

std::vector<LockObject> group_words(const Interval& interval) {
  std::vector<ObjectWord> words = words_with_waits(interval);
  const HintsByWord hints = hints_by_word(words);

  std::vector<LockObject> objects;
  // The kind is part of the identity: an offset that was guessed wrong must not merge two locks.
  std::unordered_map<WordKey, std::map<LockKind, std::size_t>, KeyHash> index;
  for (ObjectWord& entry : words) {
    entry.evidence = evidence_of(interval, entry, hints);
    const Candidate candidate = classify_word(interval, entry);
    WordKey key = entry.word->key;
    key.address -= std::min<std::uint64_t>(candidate.what.offset, key.address);
    const auto [place, is_new] = index[key].try_emplace(candidate.what.kind, objects.size());
    if (is_new)
      objects.push_back({.key = key, .what = candidate.what, .op = candidate.op, .words = {}});
    LockObject& object = objects[place->second];
    object.what.sure = object.what.sure || candidate.what.sure;
    object.words.push_back(std::move(entry));
  }
  return objects;
}

}  // namespace cw
