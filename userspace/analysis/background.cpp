#include "analysis/background.h"

#include <algorithm>

namespace cw {
namespace {

std::uint64_t waiting_ns(const LockObject& object) {
  std::uint64_t sum = 0;
  for (const ObjectWord& entry : object.words) sum += entry.word->waiting_ns;
  return sum;
}

ImageId image_of(const LockObject& object) {
  if (object.key.scope == WordKey::Scope::kPrivate) return static_cast<ImageId>(object.key.space);
  for (const ObjectWord& entry : object.words)
    if (!entry.word->wait_sites.empty()) return entry.word->wait_sites.front().image;
  return 0;
}

NotListed sum_where(const std::map<LockKind, NotListed>& by_kind, bool idle) {
  NotListed sum;
  for (const auto& [kind, part] : by_kind)
    if (is_idle(kind) == idle) sum += part;
  return sum;
}

}  // namespace

void Background::add(const LockObject& object, const Interval& interval) {
  NotListed one{.count = 1, .waits = 0, .sum_ns = 0, .waiters_mean = 0};
  std::uint64_t runnable_ns = 0;
  for (const ObjectWord& entry : object.words) {
    one.waits += completed(*entry.word);
    one.sum_ns += entry.word->wait_ns;
    runnable_ns += entry.word->runnable_ns;
  }
  const std::uint64_t waiting = waiting_ns(object);
  if (one.waits == 0 && waiting == 0) return;
  if (interval.length_ns() != 0)
    one.waiters_mean = static_cast<double>(waiting - std::min(waiting, runnable_ns)) /
                       static_cast<double>(interval.length_ns());
  const bool is_idle_kind = is_idle(object.what.kind);
  (object.what.sure || is_idle_kind ? by_kind[object.what.kind] : unsure) += one;
  if (const auto image = interval.images.find(image_of(object)); image != interval.images.end()) {
    if (object.what.sure && !object.own.empty())
      by_class[{{image->second.pid}, object.what.kind, object.own}] += one;
    if (!is_of_goroutine(object.op))
      (object.what.sure && !is_idle_kind ? on_locks : idle)[image->second.pid] += one.waiters_mean;
  }
}

NotListed Background::take(const ClassKey& key) {
  const auto found = by_class.find(key);
  if (found == by_class.end()) return {};
  const NotListed taken = found->second;
  by_class.erase(found);
  NotListed& rest = by_kind[key.kind];
  rest.count -= taken.count;
  rest.waits -= taken.waits;
  rest.sum_ns -= taken.sum_ns;
  rest.waiters_mean = std::max(0.0, rest.waiters_mean - taken.waiters_mean);
  return taken;
}

NotListed Background::locks() const {
  return sum_where(by_kind, false);
}

NotListed Background::idle_waits() const {
  return sum_where(by_kind, true);
}

Background set_apart(std::vector<LockObject>& objects, std::size_t most, const Interval& interval) {
  Background background;
  if (objects.size() <= most) return background;
  std::vector<std::uint64_t> waiting;
  waiting.reserve(objects.size());
  for (const LockObject& object : objects) waiting.push_back(waiting_ns(object));
  std::vector<std::uint64_t> ranked = waiting;
  const auto last = ranked.begin() + static_cast<std::ptrdiff_t>(most) - 1;
  std::ranges::nth_element(ranked, last, std::ranges::greater{});
  const std::uint64_t least = *last;
  auto room_at_least = std::ranges::count(ranked.begin(), last + 1, least);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (waiting[i] < least || (waiting[i] == least && room_at_least-- <= 0)) {
      background.add(objects[i], interval);
      continue;
    }
    if (kept != i) objects[kept] = std::move(objects[i]);
    ++kept;
  }
  objects.resize(kept);
  return background;
}

}  // namespace cw
