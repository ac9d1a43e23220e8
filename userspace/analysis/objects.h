// Words to objects: a condition variable waits on two words, a rwlock on up to three, and where
// each waiter has a word of its own the call site stands for the lock.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/classify.h"
#include "analysis/interval.h"
#include "analysis/site_kinds.h"

namespace cw {

// One word of an object, with what the interval tells of it. Points into the Interval.
struct ObjectWord {
  const Word* word = nullptr;
  std::vector<const WaitInProgress*> in_progress;
  std::uint32_t evidence = 0;  // bits of Evidence
  // The use of the word that waits most among those whose stacks are known: it stands for calls of
  // its like whose stacks were not taken.
  CallSite typical;
  const SiteKind* typical_kind = nullptr;
  std::shared_ptr<const Word> part;  // what `word` points to, where it is a part of a word
};

struct LockObject {
  WordKey key;           // the object's: its address is the word's less the offset
  Classification what;   // by most of the wait time
  std::uint16_t op = 0;  // the call that this was read from
  std::string own;       // the function that waits most; empty: not known
  std::vector<ObjectWord> words;
};

// Every word of the interval, in the object it belongs to. In the order of the first words. Frames
// are asked for only for the `looked_at` words with the most waiting; null: for none.
std::vector<LockObject> group_words(const Interval& interval, SiteKinds* sites = nullptr,
                                    std::size_t looked_at = 0);

// What the frames tell of a call on a word; null: nothing.
const SiteKind* kind_of_site(const ObjectWord& entry, const CallSite& site, const SiteKinds* sites);
// What a call on a word is for: by the frames where they are known, else by the call itself.
Classification classify_site(const ObjectWord& entry, const CallSite& site, const SiteKinds* sites);

// Whether a wait in progress tells what its word is used for, and by whom: where stacks were taken,
// one whose own was not wanted does not.
bool has_say(const ObjectWord& entry, const WaitInProgress& wait);

CallSite call_site(const WaitSite& site);
CallSite call_site(const WaitInProgress& wait);

}  // namespace cw
