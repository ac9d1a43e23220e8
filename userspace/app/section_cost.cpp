#include "app/section_cost.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <limits>

#include "app/hit_cost.h"
#include "model/clock.h"

// They do nothing, and take a mutex, which the probes look at, as those they stand for do. Their
// first instructions the kernel emulates wherever it emulates any.
extern "C" void cw_probed_lock(pthread_mutex_t* mutex);
extern "C" void cw_probed_unlock(pthread_mutex_t* mutex);
asm(R"(
  .pushsection .text
  .globl cw_probed_lock
  .type cw_probed_lock, %function
cw_probed_lock:
  nop
  ret
  .size cw_probed_lock, .-cw_probed_lock
  .globl cw_probed_unlock
  .type cw_probed_unlock, %function
cw_probed_unlock:
  nop
  ret
  .size cw_probed_unlock, .-cw_probed_unlock
  .popsection
)");

namespace cw {
namespace {

#ifdef __x86_64__
constexpr std::uint8_t kFirstArgument = 5;  // rdi
#else
constexpr std::uint8_t kFirstArgument = 0;
#endif

pthread_mutex_t never_locked = PTHREAD_MUTEX_INITIALIZER;

void hold_nothing_at_once() {
  constexpr int kTimes = 400;
  for (int i = 0; i < kTimes; ++i) {
    cw_probed_lock(&never_locked);
    cw_probed_unlock(&never_locked);
  }
}

// Shorter ones change nothing that could be measured.
constexpr double kWarmNs = 10'000;
struct Pause {
  long ns;
  int times;
};
constexpr auto kPauses = std::to_array<Pause>({{50'000, 200}, {500'000, 50}});

// What the two calls of a hold of nothing take after a pause.
struct Calls {
  double first_ns = 0;
  double second_ns = 0;
};

Calls hold_nothing_after(const Pause& pause) {
  const timespec length{.tv_sec = 0, .tv_nsec = pause.ns};
  std::vector<std::uint64_t> first;
  std::vector<std::uint64_t> second;
  for (int i = 0; i < pause.times; ++i) {
    nanosleep(&length, nullptr);
    const std::uint64_t begin = monotonic_ns();
    cw_probed_lock(&never_locked);
    const std::uint64_t between = monotonic_ns();
    cw_probed_unlock(&never_locked);
    first.push_back(between - begin);
    second.push_back(monotonic_ns() - between);
  }
  return {.first_ns = median_of(std::move(first)).value_or(0),
          .second_ns = median_of(std::move(second)).value_or(0)};
}

std::optional<double> median_hold_ns(SectionRecord record) {
  std::ranges::sort(record.events, {}, &SectionEvent::time_ns);
  std::vector<std::uint64_t> holds;
  for (std::size_t i = 1; i < record.events.size(); ++i)
    if (record.events[i].call == SectionCall::kUnlock &&
        record.events[i - 1].call == SectionCall::kLock)
      holds.push_back(record.events[i].time_ns - record.events[i - 1].time_ns);
  return median_of(std::move(holds));
}

// What holds of nothing are measured as while `run` makes them: each time with room for all of
// them, which on a machine with many CPUs is not for much more.
template <typename Run>
std::optional<double> floor_in(SectionProbes& probes, const std::vector<SectionProbe>& ours,
                               const Run& run) {
  probes.clear();
  const auto armed = probes.arm(getpid(), ours);
  if (!armed) return std::nullopt;
  probes.open(monotonic_ns(), std::numeric_limits<std::uint64_t>::max(), 0);
  run();
  probes.close(monotonic_ns());
  return median_hold_ns(probes.record());
}

}  // namespace

std::vector<SectionProbe> sections_on_ourselves() {
  const auto lock = own_code_offset(reinterpret_cast<std::uint64_t>(&cw_probed_lock));
  const auto unlock = own_code_offset(reinterpret_cast<std::uint64_t>(&cw_probed_unlock));
  if (!lock || !unlock) return {};
  const auto probe = [](std::uint64_t offset, SectionCall call) {
    return SectionProbe{.file = "/proc/self/exe",
                        .offset = offset,
                        .call = call,
                        .musl = false,
                        .emulated = true,
                        .lock = kFirstArgument,
                        .condition = std::nullopt};
  };
  return {probe(*lock, SectionCall::kLock), probe(*unlock, SectionCall::kUnlock)};
}

std::optional<SectionCosts> measure_section_costs(SectionProbes& probes) {
  const std::vector<SectionProbe> ours = sections_on_ourselves();
  if (ours.empty()) return std::nullopt;
  const auto floor = floor_in(probes, ours, hold_nothing_at_once);
  if (!floor) return std::nullopt;
  SectionCosts costs{
      .hit_ns = 0, .floor_ns = *floor, .stack_ns = 0, .cold = {{.pause_ns = kWarmNs}}};
  for (const Pause& pause : kPauses) {
    const Calls alone = hold_nothing_after(pause);
    Calls watched;
    const auto cold = floor_in(probes, ours, [&] { watched = hold_nothing_after(pause); });
    if (!cold) return std::nullopt;
    // One hit right after another, in what is a program and no tight loop.
    if (costs.hit_ns == 0) costs.hit_ns = watched.second_ns - alone.second_ns;
    if (costs.hit_ns <= 0) return std::nullopt;
    const double hit_ns = watched.first_ns - alone.first_ns;
    costs.cold.push_back(
        {.pause_ns = static_cast<double>(pause.ns),
         .more_ns = std::max(hit_ns - costs.hit_ns, costs.cold.back().more_ns),
         .floor_more_ns = std::max(*cold - *floor, costs.cold.back().floor_more_ns)});
  }
  return costs;
}

}  // namespace cw
