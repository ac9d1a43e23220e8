#include "probes/map_reader.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "probes/wire_key.h"

namespace cw {
namespace {

static_assert(kOwnStackReach == CW_STACK_REACH);
static_assert(static_cast<int>(Watched::kUndecided) == CW_UNDECIDED &&
              static_cast<int>(Watched::kYes) == CW_WATCHED);

constexpr std::uint32_t kBatch = 2048;
constexpr std::uint32_t kLargestBatch = 1U
                                        << 18;  // a bucket with more entries than this is given up

// Calls visit(key, value) for every entry. An entry that is added or deleted meanwhile may be
// missed.
template <typename Key, typename Value, typename Visit>
Result<void> for_each_entry(int map, const char* name, Visit visit) {
  std::uint32_t batch = kBatch;
  std::vector<Key> keys(batch);
  std::vector<Value> values(batch);
  std::uint32_t cursor = 0;
  std::uint32_t next = 0;
  bool first = true;
  for (;;) {
    std::uint32_t count = batch;
    const int error = bpf_map_lookup_batch(map, first ? nullptr : &cursor, &next, keys.data(),
                                           values.data(), &count, nullptr);
    if (error == -ENOSPC && batch < kLargestBatch) {  // one bucket holds more than the batch
      batch *= 2;
      keys.resize(batch);
      values.resize(batch);
      continue;
    }
    if (error != 0 && error != -ENOENT)
      return fail(Exit::kFailed,
                  fmt::format("cannot read the map {}: {}", name, std::strerror(-error)));
    for (std::uint32_t i = 0; i < count; i++) visit(keys[i], values[i]);
    if (error == -ENOENT) return {};
    cursor = next;
    first = false;
  }
}

// What a call that was no wait took back may be missing for a moment from what it had added.
std::uint64_t ns_of_ticks(std::uint64_t ticks) {
  return static_cast<std::int64_t>(ticks) < 0 ? 0 : ticks << CW_TICK_SHIFT;
}

Word model_word(const cw_word_key& key, const cw_word& from, std::uint64_t now,
                std::uint64_t distinct) {
  const std::uint64_t waiters = from.state >> CW_STATE_SHIFT;
  std::uint64_t since = ((now >> CW_TICK_SHIFT) - from.state) & CW_STATE_TIME;
  if (since > CW_STATE_TIME / 2) since = 0;  // it changed after `now` was taken
  Word word;
  word.id = from.id;
  word.key = model_key(key);
  word.waiters = static_cast<std::uint32_t>(waiters);
  word.waiting_ns = ns_of_ticks(from.waiting + waiters * since);
  word.busy_ns = ns_of_ticks(from.busy + (waiters != 0 ? since : 0));
  word.charged_ns = from.charged_ns;
  word.woken = from.woken;
  word.timed_out = from.timed_out;
  word.interrupted = from.interrupted;
  word.raced = from.raced;
  word.failed = from.failed;
  word.at_least = from.at_least;
  word.wait_ns = from.wait_ns;
  word.runnable_ns = from.runnable_ns;
  word.distinct = distinct;
  word.wakes = from.wakes;
  word.repeats = from.repeats;
  word.first_value = from.first_value;
  word.value_changes = from.value_changes;
  return word;
}

WaitInProgress model_wait(std::uint32_t tid, const cw_thread& from, std::uint32_t epoch) {
  return WaitInProgress{.tid = tid,
                        .image = from.image,
                        .word = from.word_id,
                        .stack = from.stack,
                        .start_ns = from.start_ns,
                        .op = from.op,
                        .value = from.value,
                        .value_class = static_cast<ValueClass>(from.value_class),
                        .on_own_stack = from.on_own_stack != 0,
                        .at_least = from.at_least != 0,
                        .weight = from.weight == CW_STACK_REFUSED ? 0 : from.weight,
                        // A later poll: it began while we read.
                        .counted = from.seen_word == from.word_id && from.seen_epoch >= epoch};
}

Image model_image(ImageId id, const cw_image& from) {
  return Image{.id = id,
               .pid = static_cast<std::int32_t>(from.pid),
               .comm = std::string(from.comm, strnlen(from.comm, sizeof(from.comm))),
               .watched = static_cast<Watched>(from.watched),
               .ended_ns = from.ended_ns,
               .exited_cpu_ns = from.exited_cpu_ns,
               .exited_delay_ns = from.exited_delay_ns};
}

void add_site(Word& word, const cw_site_key& key, const cw_site& site) {
  if (key.role == CW_WAKER) {
    word.wake_sites.push_back({.image = key.image,
                               .stack = key.stack,
                               .op = key.op,
                               .wakes = site.count,
                               .charged_ns = site.ns});
  } else {
    word.wait_sites.push_back({.image = key.image,
                               .stack = key.stack,
                               .op = key.op,
                               .value = static_cast<ValueClass>(key.value_class),
                               .waits = site.count,
                               .wait_ns = site.ns,
                               .on_own_stack = site.on_own_stack});
  }
}

// A word none of whose waits had its stack taken still tells what kind of call it was.
WaitSite site_without_stack(const cw_word& from) {
  const std::uint64_t waits = from.woken + from.timed_out + from.interrupted;
  return {.image = from.last_image,
          .stack = 0,
          .op = from.last_op,
          .value = static_cast<ValueClass>(from.last_value_class),
          .waits = waits,
          .wait_ns = from.wait_ns,
          .on_own_stack = from.last_on_own_stack != 0 ? waits : 0};
}

// A wait that ends while the maps are read is in a map read later and not in one read before. The
// histogram, read last, decides; otherwise a row's count and its buckets would not add up.
void align_counts(Word& word) {
  const std::uint64_t counted = word.woken + word.timed_out + word.interrupted;
  const std::uint64_t in_histogram = word.wait_hist.count();
  if (in_histogram > counted) word.unsettled = static_cast<std::int64_t>(in_histogram - counted);
}

}  // namespace

Result<void> read_maps(const MapFds& maps, std::uint32_t epoch, DistinctWaiters& distinct,
                       Snapshot& snapshot) {
  std::unordered_map<WordId, Word>& words = snapshot.words;
  const std::uint64_t now = snapshot.time_ns;
  auto done = for_each_entry<std::uint32_t, cw_thread>(
      maps.threads, "threads", [&](std::uint32_t tid, const cw_thread& thread) {
        if (thread.call == CW_CALL_WAIT || thread.call == CW_CALL_RESTART)
          snapshot.in_progress.push_back(model_wait(tid, thread, epoch));
      });
  if (!done) return done;
  std::vector<std::pair<WordId, WaitSite>> newest;
  done = for_each_entry<cw_word_key, cw_word>(
      maps.words, "words", [&](const cw_word_key& key, const cw_word& word) {
        const std::uint64_t waited =
            distinct.up_to(word.id, epoch, {word.distinct[0], word.distinct[1]});
        words[word.id] = model_word(key, word, now, waited);
        newest.emplace_back(word.id, site_without_stack(word));
      });
  if (!done) return done;
  done = for_each_entry<cw_site_key, cw_site>(maps.sites, "sites",
                                              [&](const cw_site_key& key, const cw_site& site) {
                                                const auto word = words.find(key.word);
                                                if (word != words.end())
                                                  add_site(word->second, key, site);
                                              });
  if (!done) return done;
  for (const auto& [id, site] : newest)
    if (Word& word = words.at(id);
        word.wait_sites.empty() && (site.waits != 0 || is_of_goroutine(site.op)))
      word.wait_sites.push_back(site);
  done = for_each_entry<cw_octave_key, cw_octave>(
      maps.octaves, "octaves", [&](const cw_octave_key& key, const cw_octave& octave) {
        const auto word = words.find(key.word);
        if (word == words.end()) return;
        Histogram& histogram =
            key.distribution == CW_WAKE_GAP ? word->second.gap_hist : word->second.wait_hist;
        for (std::uint32_t i = 0; i < kSubBuckets; i++)
          histogram.add(key.octave * kSubBuckets + i, octave.count[i]);
      });
  if (!done) return done;
  for (auto& [id, word] : words) align_counts(word);
  return for_each_entry<std::uint32_t, cw_image>(maps.images, "images",
                                                 [&](std::uint32_t id, const cw_image& image) {
                                                   snapshot.images[id] = model_image(id, image);
                                                 });
}

Result<std::vector<WaitInProgress>> read_goroutine_waits(int threads, ImageId image) {
  std::vector<WaitInProgress> waits;
  auto done = for_each_entry<std::uint32_t, cw_thread>(
      threads, "threads", [&](std::uint32_t number, const cw_thread& thread) {
        if ((number & kGoroutine) != 0 && thread.image == image)
          waits.push_back(model_wait(number, thread, 0));
      });
  if (!done) return std::unexpected(done.error());
  return waits;
}

Result<std::vector<KnownProcess>> read_processes(const MapFds& maps) {
  std::vector<KnownProcess> processes;
  const auto done = for_each_entry<std::uint32_t, cw_process>(
      maps.processes, "processes", [&](std::uint32_t pid, const cw_process& process) {
        processes.push_back({.pid = static_cast<std::int32_t>(pid),
                             .image = process.image,
                             .watched = static_cast<Watched>(process.watched),
                             .generation = process.generation});
      });
  if (!done) return std::unexpected(done.error());
  return processes;
}

bool forget_word(const MapFds& maps, const Word& word) {
  const cw_word_key key = wire_key(word.key);
  const bool was_there = bpf_map_delete_elem(maps.words, &key) == 0;
  const auto forget_histogram = [&](const Histogram& histogram, std::uint16_t distribution) {
    std::uint32_t last = ~0U;
    for (const auto& [bucket, count] : histogram.buckets()) {
      if (bucket / kSubBuckets == last) continue;
      last = bucket / kSubBuckets;
      const cw_octave_key octave{.word = word.id,
                                 .octave = static_cast<std::uint16_t>(last),
                                 .distribution = distribution};
      bpf_map_delete_elem(maps.octaves, &octave);
    }
  };
  forget_histogram(word.wait_hist, CW_WAIT_TIME);
  forget_histogram(word.gap_hist, CW_WAKE_GAP);
  for (const WaitSite& site : word.wait_sites) {
    const cw_site_key site_key{.stack = site.stack,
                               .word = word.id,
                               .image = site.image,
                               .op = site.op,
                               .value_class = static_cast<std::uint8_t>(site.value),
                               .role = CW_WAITER,
                               .padding = 0};
    bpf_map_delete_elem(maps.sites, &site_key);
  }
  for (const WakeSite& site : word.wake_sites) {
    const cw_site_key site_key{.stack = site.stack,
                               .word = word.id,
                               .image = site.image,
                               .op = site.op,
                               .value_class = 0,
                               .role = CW_WAKER,
                               .padding = 0};
    bpf_map_delete_elem(maps.sites, &site_key);
  }
  return was_there;
}

void forget_image(const MapFds& maps, ImageId image) {
  bpf_map_delete_elem(maps.images, &image);
}

std::uint64_t count_stacks(const MapFds& maps) {
  std::uint64_t count = 0;
  std::uint64_t key = 0;
  std::uint64_t next = 0;
  for (bool first = true; bpf_map_get_next_key(maps.stacks, first ? nullptr : &key, &next) == 0;
       first = false) {
    key = next;
    count++;
  }
  return count;
}

void forget_stacks_unused_in(const MapFds& maps, const Snapshot& snapshot) {
  std::unordered_set<StackId> used;
  for (const auto& [id, word] : snapshot.words) {
    for (const WaitSite& site : word.wait_sites) used.insert(site.stack);
    for (const WakeSite& site : word.wake_sites) used.insert(site.stack);
  }
  for (const WaitInProgress& wait : snapshot.in_progress) used.insert(wait.stack);
  std::vector<StackId> unused;
  StackId key = 0;
  StackId next = 0;
  for (bool first = true; bpf_map_get_next_key(maps.stacks, first ? nullptr : &key, &next) == 0;
       first = false) {
    key = next;
    if (!used.contains(key)) unused.push_back(key);
  }
  for (const StackId id : unused) bpf_map_delete_elem(maps.stacks, &id);
}

}  // namespace cw
