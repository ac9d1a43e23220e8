#include "analysis/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>

#include "analysis/queue_model.h"
#include "analysis/rwlock_model.h"
#include "analysis/stacks.h"
#include "output/format.h"

namespace cw {
namespace {

constexpr double kWorthALine = 1.1;  // predicted over seen
constexpr double kHeldMuch = 0.5;    // share of the time, from which on a fine lock is asked about
constexpr double kRwFits = 0.25;     // share by which the model may miss a rwlock as it is
constexpr double kModelError = 0.1;  // against simulation: tests/unit/analysis_queue_model_test
constexpr double kNearlyAllOfIt = 0.9;    // of what any number of locks would give
constexpr std::uint64_t kMostParts = 64;  // that something is split into
constexpr std::uint64_t kBatch = 8;
constexpr double kVague = 2;  // a rate that may be so many times another predicts nothing

// Squared coefficient of variation, from the middles of the buckets.
double variation_of(const Histogram& histogram) {
  double count = 0;
  double sum = 0;
  double squares = 0;
  for (const auto& [bucket, holds] : histogram.buckets()) {
    const double middle =
        (static_cast<double>(bucket_lower(bucket)) + static_cast<double>(bucket_upper(bucket))) / 2;
    const auto n = static_cast<double>(holds);
    count += n;
    sum += n * middle;
    squares += n * middle * middle;
  }
  if (count == 0 || sum == 0) return 1;
  return std::max(0.0, squares * count / (sum * sum) - 1);
}

// What the model needs to know of a lock.
struct Known {
  const LockReport& lock;
  const SectionsReport& sections;
  Estimate rate;     // acquisitions/s
  Estimate hold_ns;  // mean
  double read_share = 0;
  std::uint64_t threads = 0;
};

std::optional<Known> known_of(const LockReport& lock) {
  if (!lock.sections || lock.sections->bounds_only || lock.objects > 1) return std::nullopt;
  const SectionsReport& sections = *lock.sections;
  if (!sections.acquisitions_per_s || !sections.hold_mean_ns) return std::nullopt;
  const Estimate& rate = *sections.acquisitions_per_s;
  if (rate.low <= 0 || rate.high > kVague * rate.low) return std::nullopt;
  return Known{.lock = lock,
               .sections = sections,
               .rate = *sections.acquisitions_per_s,
               .hold_ns = *sections.hold_mean_ns,
               .read_share = sections.read_share.value_or(0),
               .threads = std::max(sections.threads, lock.threads)};
}

// A lock as it is, and as it might be: acquisitions/s, in units of one now.
using Rate = std::function<double(const LockLoad&)>;

double split(const LockLoad& load, std::uint64_t locks) {
  LockLoad changed = load;
  changed.locks = locks;
  return flow_of(changed).acquisitions_per_s;
}

double halved(const LockLoad& load) {
  LockLoad changed = load;
  changed.hold_s /= 2;
  changed.think_s += load.hold_s / 2;
  return flow_of(changed).acquisitions_per_s;
}

double batched(const LockLoad& load) {
  LockLoad changed = load;
  changed.hold_s *= kBatch;
  changed.think_s *= kBatch;
  changed.hold_cv2 /= kBatch;
  return flow_of(changed).acquisitions_per_s * kBatch;
}

// The fewest locks that give nearly all that splitting can.
std::uint64_t enough_locks(const LockLoad& load) {
  const double most = split(load, kMostParts);
  std::uint64_t locks = 2;
  while (locks < kMostParts && split(load, locks) < kNearlyAllOfIt * most) locks *= 2;
  return locks;
}

std::optional<LockLoad> load_of(const Known& known, double rate, double hold_ns) {
  const std::optional<Distribution>& hold = known.sections.hold;
  return fitted_load({.threads = known.threads,
                      .acquisitions_per_s = rate,
                      .hold_s = hold_ns / 1e9,
                      .hold_cv2 = hold ? variation_of(hold->histogram) : 1,
                      .waiting = known.lock.waiters_mean});
}

// The corners of what was measured: as often and as long, less often and shorter...
std::vector<LockLoad> loads_of(const Known& known) {
  const Estimate& rate = known.rate;
  const Estimate& hold = known.hold_ns;
  std::vector<LockLoad> loads;
  const auto add = [&](double per_s, double hold_ns) {
    if (auto load = load_of(known, per_s, hold_ns)) loads.push_back(*load);
  };
  add(rate.estimate, hold.estimate);
  if (loads.empty()) return loads;
  for (const double per_s : {rate.low, rate.high})
    for (const double hold_ns : {hold.low, hold.high}) add(per_s, hold_ns);
  return loads;
}

// Puts changes to the loads that may be, and keeps those that matter.
class Asking {
 public:
  // `now`: acquisitions/s as measured; `rate_now`: as the model has them.
  Asking(std::vector<LockLoad> loads, const Estimate& now, const Machine& machine, Rate rate_now)
      : now_(now), loads_(std::move(loads)), rate_now_(std::move(rate_now)) {
    if (machine.cpus > 0 && machine.on_cpu > 0)
      busy_cpus_ = now_.estimate * std::max(1.0, machine.cpus / machine.on_cpu);
  }

  [[nodiscard]] bool fits() const { return !loads_.empty(); }
  [[nodiscard]] const LockLoad& load() const { return loads_.front(); }

  void ask(std::string change, const std::string& assumes, const Rate& changed) {
    const auto gain = [&](const LockLoad& load) {
      const double now = rate_now_(load);
      return now > 0 ? changed(load) / now : 0;
    };
    double predicted = now_.estimate * gain(loads_.front());
    double low = predicted;
    double high = predicted;
    for (const LockLoad& load : loads_) {
      low = std::min(low, now_.low * gain(load));
      high = std::max(high, now_.high * gain(load));
    }
    std::string also;
    if (busy_cpus_ && predicted > *busy_cpus_) {
      predicted = *busy_cpus_;
      low = std::min(low, predicted);
      also = "; then all CPUs are busy";
    }
    if (predicted < kWorthALine * now_.estimate) return;
    lines_.push_back({.change = std::move(change),
                      .predicted_per_s = predicted,
                      .low = std::max(0.0, low * (1 - kModelError)),
                      .high = high * (1 + kModelError),
                      .assumes = assumes + also});
  }

  std::vector<WhatIf> take() {
    std::ranges::sort(lines_, std::ranges::greater{}, &WhatIf::predicted_per_s);
    return std::move(lines_);
  }

 private:
  Estimate now_;
  std::vector<LockLoad> loads_;
  Rate rate_now_;
  std::optional<double> busy_cpus_;  // acquisitions/s at which no CPU is left
  std::vector<WhatIf> lines_;
};

bool is_well_known(const Holders& holder) {
  constexpr double kWidest = 0.4;  // of the interval of its share
  return holder.share_interval &&
         holder.share_interval->high - holder.share_interval->low < kWidest;
}

// Sites whose sections may only read: nothing but their author knows, so the line says if.
void ask_for_readers(const Known& known, const Machine& machine, Asking& asking) {
  const std::vector<Holders>& holders = known.sections.holders;
  if (holders.size() < 2) return;
  const Holders& reader = holders.front();
  if (!is_well_known(reader)) return;
  const std::string function = own_function(reader.stack);
  const double rate = known.rate.estimate;
  const double read_share = std::min(1.0, reader.acquisitions_per_s / rate);
  if (function.empty() || reader.hold.count == 0 || read_share >= 1 || read_share <= 0) return;
  const double hold_s = known.hold_ns.estimate / 1e9;
  const double read_s = reader.share * hold_s / read_share;
  const double write_s = (1 - reader.share) * hold_s / (1 - read_share);
  asking.ask(fmt::format("a reader-writer lock, if {} only reads", function),
             fmt::format("{} of the acquisitions, {} each; the others write, {} each; "
                         "a thread reads and writes in no order",
                         format_share(read_share), format_duration(read_s * 1e9),
                         format_duration(write_s * 1e9)),
             [&](const LockLoad& load) {
               const double scale = load.hold_s / hold_s;
               return rw_rate({.threads = load.threads,
                               .think_s = load.think_s,
                               .read_share = read_share,
                               .read_s = read_s * scale,
                               .write_s = write_s * scale,
                               .handover_s = load.handover_s,
                               .cpus = machine.cpus});
             });
}

std::vector<WhatIf> of_mutex(const Known& known, const Machine& machine) {
  Asking asking(loads_of(known), known.rate, machine,
                [](const LockLoad& load) { return flow_of(load).acquisitions_per_s; });
  if (!asking.fits()) return {};
  const LockLoad& load = asking.load();
  const std::uint64_t locks = enough_locks(load);
  asking.ask(fmt::format("split into {} locks", locks),
             "each acquisition needs one of them, all alike likely",
             [&](const LockLoad& changed) { return split(changed, locks); });
  asking.ask("half the critical section", "the other half is done as well, outside the lock",
             halved);
  asking.ask(fmt::format("{} at a time under one acquisition", kBatch),
             fmt::format("as many at hand, one after the other; saves handing over, {} a time",
                         format_duration(load.handover_s * 1e9)),
             batched);
  ask_for_readers(known, machine, asking);
  return asking.take();
}

// Readers overlap, so that nothing is left over for handing over: thinking alone is fitted.
std::vector<LockLoad> rw_loads_of(const Known& known, const Machine& machine) {
  const double rate = known.rate.estimate;
  const double hold_s = known.hold_ns.estimate / 1e9;
  const std::uint64_t threads = known.threads;
  const double round_s = (static_cast<double>(threads) - known.lock.waiters_mean) / rate;
  const double think_s = round_s - hold_s;
  if (threads == 0 || think_s <= 0) return {};
  const double fitted = rw_rate({.threads = threads,
                                 .think_s = think_s,
                                 .read_share = known.read_share,
                                 .read_s = hold_s,
                                 .write_s = hold_s,
                                 .cpus = machine.cpus});
  if (std::abs(fitted - rate) > kRwFits * rate) return {};
  return {{.threads = threads, .think_s = think_s, .hold_s = hold_s}};
}

// As if readers held it as long as writers: only the mean of both is known.
std::vector<WhatIf> of_rwlock(const Known& known, const Machine& machine) {
  const double read_share = known.read_share;
  const auto rate = [&](const LockLoad& load, std::uint64_t locks, double part) {
    return rw_rate({.threads = load.threads,
                    .think_s = load.think_s + load.hold_s * (1 - part),
                    .read_share = read_share,
                    .read_s = load.hold_s * part,
                    .write_s = load.hold_s * part,
                    .handover_s = load.handover_s,
                    .locks = locks,
                    .cpus = machine.cpus});
  };
  Asking asking(rw_loads_of(known, machine), known.rate, machine,
                [&](const LockLoad& load) { return rate(load, 1, 1); });
  if (!asking.fits()) return {};
  const std::string alike =
      fmt::format("{} read, and hold it as long as writers do", format_share(read_share));
  constexpr std::uint64_t kParts = 4;
  asking.ask(fmt::format("split into {} locks", kParts), alike,
             [&](const LockLoad& load) { return rate(load, kParts, 1); });
  asking.ask("half the critical section", alike + "; the other half is done outside the lock",
             [&](const LockLoad& load) { return rate(load, 1, 0.5); });
  return asking.take();
}

}  // namespace

std::vector<WhatIf> what_if(const LockReport& lock, const Machine& machine) {
  const auto known = known_of(lock);
  if (!known) return {};
  return known->read_share > 0 ? of_rwlock(*known, machine) : of_mutex(*known, machine);
}

void add_what_if(Report& report) {
  for (LockReport& lock : report.locks) {
    if (!lock.sections) continue;
    if (lock.level == Level::kFine && lock.sections->utilisation.value_or(0) < kHeldMuch) continue;
    Machine machine{.cpus = report.cpus};
    for (const ProcessReport& process : report.processes)
      if (std::ranges::find(lock.pids, process.pid) != lock.pids.end())
        machine.on_cpu += process.threads_mean.on_cpu;
    lock.sections->what_if = what_if(lock, machine);
  }
}

}  // namespace cw
