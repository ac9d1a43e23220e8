#include "watch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace cw::test {
namespace {

HookSet forced_hooks() {
  const char* name = std::getenv("CW_TEST_HOOKS");
  if (name == nullptr) return HookSet::kAutomatic;
  if (std::string_view(name) == "functions") return HookSet::kFunctions;
  if (std::string_view(name) == "tracepoints") return HookSet::kTracepoints;
  throw std::runtime_error(std::string("CW_TEST_HOOKS is functions or tracepoints, not ") + name);
}

double slack() {
  static const char* const kText = std::getenv("CW_TEST_SLACK");
  return kText == nullptr ? 1 : std::max(1.0, std::strtod(kText, nullptr));
}

LockProbes started(ProbeOptions options, std::int32_t pid) {
  if (options.hooks == HookSet::kAutomatic) options.hooks = forced_hooks();
  auto probes = LockProbes::load(options);
  if (!probes) throw std::runtime_error(probes.error().message);
  if (pid != 0)
    if (auto watched = probes->watch(pid, "test"); !watched)
      throw std::runtime_error(watched.error().message);
  if (auto attached = probes->attach(); !attached)
    throw std::runtime_error(attached.error().message);
  return std::move(*probes);
}

}  // namespace

Watch::Watch(LockProbes probes) : probes_(std::move(probes)) {
  interval();
}
Watch::Watch(std::int32_t pid, const ProbeOptions& options) : Watch(started(options, pid)) {}
Watch Watch::machine() {
  ProbeOptions options;
  options.newcomers = Watched::kYes;
  return Watch(started(options, 0));
}

Interval Watch::interval() {
  auto now = probes_.snapshot();
  if (!now) throw std::runtime_error(now.error().message);
  Interval grown = difference(last_, *now);
  last_ = std::move(*now);
  return grown;
}

Word word_at(const Interval& interval, std::int32_t pid, std::uint64_t address) {
  for (const Word& word : interval.grown) {
    if (word.key.scope != WordKey::Scope::kPrivate || word.key.address != address) continue;
    const auto image = interval.images.find(static_cast<ImageId>(word.key.space));
    if (image != interval.images.end() && image->second.pid == pid) return word;
  }
  return {};
}

Word sum_of_words(const Interval& interval) {
  Word sum;
  for (const Word& word : interval.grown) {
    sum.woken += word.woken;
    sum.timed_out += word.timed_out;
    sum.interrupted += word.interrupted;
    sum.unsettled += word.unsettled;
    sum.raced += word.raced;
    sum.failed += word.failed;
    sum.wait_ns += word.wait_ns;
    sum.wakes += word.wakes;
    sum.wait_hist.merge(word.wait_hist);
  }
  return sum;
}

bool within(double measured, double truth, double share) {
  return std::abs(measured - truth) <= share * slack() * truth;
}

}  // namespace cw::test
