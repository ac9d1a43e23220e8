#include "probes/retention.h"

#include <unordered_set>

namespace cw {
namespace {

constexpr std::uint64_t kQuietNs = 60'000'000'000;

std::uint64_t events_of(const Word& word) {
  return word.woken + word.timed_out + word.interrupted + word.raced + word.failed + word.wakes +
         word.wait_ns;
}

}  // namespace

Retention::Due Retention::due(const Snapshot& snapshot) {
  Due due;
  const bool crowded = snapshot.words.size() > word_limit_ / 2;
  const auto is_done = [&](ImageId id) {
    const auto image = snapshot.images.find(id);
    return image == snapshot.images.end() || image->second.ended_ns != 0 ||
           image->second.watched == Watched::kNo;
  };
  std::unordered_map<WordId, Activity> activity;
  activity.reserve(snapshot.words.size());
  for (const auto& [id, word] : snapshot.words) {
    const auto last = last_.find(id);
    Activity now{.events = events_of(word), .since_ns = snapshot.time_ns};
    const bool same = last != last_.end() && last->second.events == now.events && word.waiters == 0;
    if (same) now.since_ns = last->second.since_ns;
    const bool orphan =
        word.key.scope == WordKey::Scope::kPrivate && is_done(static_cast<ImageId>(word.key.space));
    const bool quiet = same && (crowded || snapshot.time_ns - now.since_ns >= kQuietNs);
    if (orphan || quiet)
      due.words.push_back(id);
    else
      activity.emplace(id, now);
  }
  last_ = std::move(activity);
  for (const auto& [id, image] : snapshot.images)
    if (image.ended_ns != 0) due.images.push_back(id);
  return due;
}

}  // namespace cw
