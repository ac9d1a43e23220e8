// What earlier intervals taught, kept by the caller from one analyse() to the next: names of stacks
// are dear and do not change, and a lock keeps the name it was first shown under.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/classify.h"
#include "analysis/interval.h"

namespace cw {

// One call from one stack.
struct CallSite {
  ImageId image = 0;
  StackId stack = 0;
  std::uint16_t op = 0;
  ValueClass value = ValueClass::kZero;

  bool operator==(const CallSite&) const = default;
};
struct CallSiteHash {
  std::size_t operator()(const CallSite& site) const;
};

// What the frames of such a call tell.
struct SiteKind {
  std::optional<Classification> what;  // empty: no frame is known, operation and value decide
  std::string own;  // the function that waits, short, or its place; empty: not known
};

struct Memory {
  std::unordered_map<CallSite, SiteKind, CallSiteHash> sites;
  struct FirstSeen {
    ImageId image = 0;
    std::string function;
  };
  std::unordered_map<WordId, FirstSeen> first_seen;  // where a word was first seen waited on
  // Words whose waiters time out and wait again, as of the last interval: for the hooks to join
  // such waits to one.
  std::vector<WordKey> polled;

  // Lets go of what ended, and of everything rather than to grow without bound.
  void trim(const Interval& interval);
};

}  // namespace cw
