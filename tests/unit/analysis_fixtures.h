// Snapshots made by hand, and a symbolizer that knows them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/interval.h"
#include "model/process_sample.h"
#include "model/symbolizer.h"

namespace cw::test {

inline constexpr std::uint64_t kUs = 1'000;
inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kBegin = 100 * kSecond;
inline constexpr std::uint64_t kEnd = 105 * kSecond;
inline constexpr ImageId kImage = 7;
inline constexpr std::int32_t kPid = 4242;

// Operations as glibc, musl and Rust make them.
inline constexpr std::uint16_t kWaitPrivate = 0x80;
inline constexpr std::uint16_t kBitsetPrivate = 0x89;
inline constexpr std::uint16_t kBitsetRealtime = 0x189;
inline constexpr std::uint16_t kBitsetShared = 0x109;
inline constexpr std::uint16_t kGoroutineWaits = kOpGoroutine | kOpPrivate;

class FakeSymbolizer : public Symbolizer {
 public:
  Stack stack(ImageId /*image*/, StackId stack) override {
    ++stacks_asked;
    const auto found = stacks.find(stack);
    return found == stacks.end() ? Stack{} : found->second;
  }
  ObjectName object_at(ImageId /*image*/, std::uint64_t address) override {
    ++objects_asked;
    const auto found = objects.find(address);
    return found == objects.end() ? ObjectName{} : found->second;
  }
  std::uint64_t address_of(ImageId /*image*/, const WordKey& word) override {
    const auto found = addresses.find(word);
    return found == addresses.end() ? 0 : found->second;
  }
  std::string thread_comm(ImageId /*image*/, std::uint32_t tid) override {
    return "clerk-" + std::to_string(tid % 10);
  }
  std::uint32_t owner_of(ImageId /*image*/, std::uint64_t address, LockKind /*kind*/,
                         std::uint16_t /*op*/) override {
    const auto found = owners.find(address);
    return found == owners.end() ? owner : found->second;
  }
  std::optional<Asleep> asleep(ImageId /*image*/, std::uint32_t tid) override {
    const auto found = asleep_on.find(tid);
    if (found == asleep_on.end()) return std::nullopt;
    return Asleep{.address = found->second, .sleeps = wakes_between_looks ? ++sleeps : 0};
  }

  // Innermost first; the last one is the thread's first function.
  void add_stack(StackId id, const std::vector<std::string>& functions,
                 const std::string& module = "orders") {
    Stack& made = stacks[id];
    made.complete = true;
    for (const std::string& function : functions)
      made.frames.push_back({.function = function,
                             .module = module,
                             .build_id = {},
                             .offset = 0x10,
                             .file = std::nullopt,
                             .line = std::nullopt,
                             .inlined = false});
  }

  std::map<StackId, Stack> stacks;
  std::map<std::uint64_t, ObjectName> objects;
  std::map<WordKey, std::uint64_t> addresses;  // of words that processes share
  std::uint32_t owner = 0;                     // of locks that are not in
  std::map<std::uint64_t, std::uint32_t> owners;
  std::map<std::uint32_t, std::uint64_t> asleep_on;  // by tid
  bool wakes_between_looks = false;
  std::uint64_t sleeps = 0;
  int stacks_asked = 0;
  int objects_asked = 0;
};

// A word on which `threads` threads together waited `waits` times, `each` long, since the start.
struct WordOf {
  WordId id = 1;
  std::uint64_t address = 0x1000;
  std::uint16_t op = kWaitPrivate;
  ValueClass value = ValueClass::kTwo;
  std::uint64_t waits = 0;
  std::uint64_t each = 0;
  std::uint64_t busy = 0;
  std::uint64_t threads = 4;
  std::uint64_t repeats = 10;
  std::uint64_t value_changes = 0;
  StackId stack = 11;

  [[nodiscard]] Word make() const {
    Word word;
    word.id = id;
    word.key = {
        .scope = WordKey::Scope::kPrivate, .space = kImage, .device = 0, .address = address};
    word.waiting_ns = waits * each;
    word.busy_ns = busy;
    word.woken = waits;
    word.wait_ns = waits * each;
    word.distinct = threads;
    word.repeats = repeats;
    word.value_changes = value_changes;
    word.first_value = 2;
    word.wait_hist.add(bucket_of(each), waits);
    if (waits != 0)
      word.wait_sites.push_back({.image = kImage,
                                 .stack = stack,
                                 .op = op,
                                 .value = value,
                                 .waits = waits,
                                 .wait_ns = waits * each,
                                 .on_own_stack = 0});
    return word;
  }
};

inline Image image_of(ImageId id, std::int32_t pid, std::string comm) {
  Image image;
  image.id = id;
  image.pid = pid;
  image.comm = std::move(comm);
  return image;
}

inline Snapshot snapshot_at(std::uint64_t time, const std::vector<Word>& words = {}) {
  Snapshot snapshot;
  snapshot.time_ns = time;
  snapshot.images[kImage] = image_of(kImage, kPid, "orders-api");
  for (const Word& word : words) snapshot.words[word.id] = word;
  return snapshot;
}

// Five seconds in which `words` grew from nothing.
inline Interval interval_of(const std::vector<Word>& words,
                            std::vector<WaitInProgress> in_progress = {}) {
  Snapshot after = snapshot_at(kEnd, words);
  after.in_progress = std::move(in_progress);
  return difference(snapshot_at(kBegin), after);
}

inline WaitInProgress wait_on(WordId word, std::uint32_t tid, std::uint64_t start,
                              std::uint16_t op = kWaitPrivate,
                              ValueClass value = ValueClass::kTwo) {
  WaitInProgress wait;
  wait.tid = tid;
  wait.image = kImage;
  wait.word = word;
  wait.stack = 11;
  wait.start_ns = start;
  wait.op = op;
  wait.value = 2;
  wait.value_class = value;
  return wait;
}

// A word with `threads` threads waiting through the whole interval, and nothing else.
inline Word stuck_word(WordId id, std::uint64_t address, std::uint32_t threads) {
  Word word;
  word.id = id;
  word.key = {.scope = WordKey::Scope::kPrivate, .space = kImage, .device = 0, .address = address};
  word.waiters = threads;
  word.waiting_ns = threads * (kEnd - kBegin);
  word.busy_ns = kEnd - kBegin;
  word.first_value = 2;
  return word;
}

inline ProcessSample sample_of(std::uint64_t threads, std::uint64_t cpu_ns = 0,
                               std::uint64_t delay_ns = 0) {
  ProcessSample sample;
  sample.pid = kPid;
  sample.comm = "orders-api";
  sample.threads = threads;
  sample.cpu_ns = cpu_ns;
  sample.run_delay_ns = delay_ns;
  sample.runtimes = {"C++", "glibc 2.36"};
  return sample;
}

}  // namespace cw::test
