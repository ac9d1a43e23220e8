#include "analysis/deadlocks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace cw {
namespace {

// Younger waits are those of busy locks: most are over by the time they would be asked about.
constexpr std::uint64_t kWorthAsking = 100'000'000;  // ns
constexpr std::size_t kMostAsked = 1024;             // waits

bool may_have_owner(const LockObject& object) {
  const LockKind kind = object.what.kind;
  return (kind == LockKind::kMutex || kind == LockKind::kRwlock) && object.what.sure &&
         !object.what.has(kPerWaiter) && !object.what.has(kNotesNoOwner);
}

class WaitForGraph {
 public:
  WaitForGraph(const std::vector<LockObject>& objects, const Interval& interval,
               Symbolizer& symbolizer)
      : symbolizer_(symbolizer) {
    for (const LockObject& object : objects) {
      if (!may_have_owner(object)) continue;
      for (const ObjectWord& entry : object.words)
        for (const WaitInProgress* wait : entry.in_progress)
          if (wait->at_least || wait->start_ns + kWorthAsking <= interval.end_ns)
            add(object, *entry.word, *wait);
    }
  }

  std::vector<WaitForCycle> cycles() {
    std::set<std::uint32_t> met;
    std::vector<WaitForCycle> found;
    for (const auto& [first, link] : waits_) {
      std::vector<std::uint32_t> path;
      std::uint32_t tid = first;
      while (waits_.contains(tid) && met.insert(tid).second) {
        path.push_back(tid);
        tid = owner_of(waits_.at(tid));
      }
      const auto back = std::ranges::find(path, tid);
      if (back == path.end()) continue;  // ends with a thread that is free to go on, or in a tail
      path.erase(path.begin(), back);
      if (auto cycle = proven(path)) found.push_back(std::move(*cycle));
    }
    return found;
  }

 private:
  void add(const LockObject& object, const Word& word, const WaitInProgress& wait) {
    if (waits_.size() >= kMostAsked) return;
    const std::uint64_t address = address_in(wait.image, word.key);
    if (address != 0)
      waits_[wait.tid] = {.object = &object,
                          .wait = &wait,
                          .word = address,
                          .lock = address_in(wait.image, object.key)};
  }

  std::uint64_t address_in(ImageId image, const WordKey& key) {
    return key.scope == WordKey::Scope::kFile ? symbolizer_.address_of(image, key) : key.address;
  }

  std::uint32_t owner_of(const WaitForLink& link) {
    return symbolizer_.owner_of(link.wait->image, link.lock, link.object->what.kind, link.wait->op);
  }

  std::optional<std::vector<Asleep>> all_asleep(const std::vector<std::uint32_t>& path) {
    std::vector<Asleep> sleeps;
    for (const std::uint32_t tid : path) {
      const auto asleep = symbolizer_.asleep(waits_.at(tid).wait->image, tid);
      if (!asleep || asleep->address != waits_.at(tid).word) return std::nullopt;
      sleeps.push_back(*asleep);
    }
    return sleeps;
  }

  std::optional<WaitForCycle> proven(const std::vector<std::uint32_t>& path) {
    const auto before = all_asleep(path);
    if (!before) return std::nullopt;
    for (std::size_t i = 0; i < path.size(); ++i)
      if (owner_of(waits_.at(path[i])) != path[(i + 1) % path.size()]) return std::nullopt;
    if (all_asleep(path) != before) return std::nullopt;
    WaitForCycle cycle;
    for (const std::uint32_t tid : path) cycle.push_back(waits_.at(tid));
    return cycle;
  }

  Symbolizer& symbolizer_;
  std::map<std::uint32_t, WaitForLink> waits_;  // by the thread that waits
};

}  // namespace

std::vector<WaitForCycle> find_deadlocks(const std::vector<LockObject>& objects,
                                         const Interval& interval, Symbolizer& symbolizer) {
  return WaitForGraph(objects, interval, symbolizer).cycles();
}

}  // namespace cw
