// Words to objects: a condition variable waits on two words, a rwlock on up to three.
#pragma once

#include <vector>

#include "analysis/classify.h"
#include "analysis/interval.h"

namespace cw {

// One word of an object, with what the interval tells of it. Points into the Interval.
struct ObjectWord {
  const Word* word = nullptr;
  std::vector<const WaitInProgress*> in_progress;
  std::uint32_t evidence = 0;  // bits of Evidence
};

struct LockObject {
  WordKey key;           // the object's: its address is the word's less the offset
  Classification what;   // by most of the wait time
  std::uint16_t op = 0;  // the call that this was read from
  std::vector<ObjectWord> words;
};

// Every word of the interval, in the object it belongs to. In the order of the first words.
std::vector<LockObject> group_words(const Interval& interval);

}  // namespace cw
