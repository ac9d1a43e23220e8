#include "app/life_cost.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "app/hit_cost.h"
#include "model/clock.h"

namespace cw {
namespace {

constexpr double kStackNs = 2'000;  // of a thread with some frames; ours has hardly any

// What a call takes while all of them are followed, or none; empty: they cannot be probed.
std::optional<double> followed_call_ns(LifeProbes& probes, const LifeProbe& probe, bool all) {
  probes.follow_in({.open_ns = monotonic_ns(),
                    .close_ns = std::numeric_limits<std::uint64_t>::max(),
                    .one_in = all ? 1U : 1'000'000'000U,
                    .with_stacks = false});
  const auto armed = probes.arm(getpid(), {&probe, 1});
  const std::optional<double> taken = armed ? std::optional(probed_call_ns()) : std::nullopt;
  probes.stop_following(monotonic_ns());
  return taken;
}

double median_call_ns(const std::vector<FollowedBlock>& blocks) {
  std::vector<std::uint64_t> times;
  times.reserve(blocks.size());
  for (const FollowedBlock& block : blocks) times.push_back(block.born_ns - block.call_ns);
  return median_of(std::move(times)).value_or(0);
}

}  // namespace

MeasuredLives measure_lives(LifeProbes& probes) {
  MeasuredLives measured;
  const auto ours = probe_on_ourselves();
  if (!ours) return measured;
  const LifeProbe probe{.call = *ours, .result_at = std::nullopt};
  const double alone = probed_call_ns();
  const auto passed = followed_call_ns(probes, probe, false);
  probes.take_blocks();
  const auto followed = followed_call_ns(probes, probe, true);
  measured.floor_ns = median_call_ns(probes.take_blocks());
  if (!passed || !followed) return measured;
  measured.costs.hit_ns = std::max(1.0, *passed - alone);
  measured.costs.sample_ns = std::max(0.0, *followed - *passed) + kStackNs;
  return measured;
}

}  // namespace cw
