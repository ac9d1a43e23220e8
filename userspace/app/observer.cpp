#include "app/observer.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <ctime>

#include "analysis/analyse.h"
#include "analysis/interval.h"
#include "model/clock.h"
#include "process/maps.h"
#include "process/proc.h"
#include "process/proc_files.h"
#include "process/target.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

constexpr std::size_t kChecksAReport = 256;     // waits in progress that are compared with /proc
constexpr std::size_t kProcessesSampled = 64;   // in whole-machine mode: those with most waiting
constexpr std::uint64_t kOwnStackReach = 4096;  // as CW_STACK_REACH in bpf/wait.h

std::string rfc3339_now() {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
  tm utc{};
  static_cast<void>(gmtime_r(&now.tv_sec, &utc));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now.tv_nsec / 1'000'000);
}

// The word as the kernel keys it: see get_futex_key() in kernel/futex/core.c.
WordKey word_key(const MemoryMap& map, const FutexWait& wait) {
  WordKey key{.address = wait.address};
  if ((wait.op & kOpPrivate) != 0) return key;
  const Mapping* mapping = map.find(wait.address);
  if (mapping == nullptr || !mapping->shared || !mapping->of_file()) return key;
  key.scope = WordKey::Scope::kFile;
  key.space = mapping->inode;
  key.device = mapping->device_major << 20 | mapping->device_minor;
  key.address = wait.address - mapping->start + mapping->offset;
  return key;
}

}  // namespace

Observer::Observer(Settings settings, LockProbes probes)
    : settings_(std::move(settings)),
      probes_(std::move(probes)),
      symbols_([this](StackId stack) { return probes_.stack(stack); }) {
  utsname names{};
  uname(&names);
  host_ = names.nodename;
  kernel_ = names.release;
}

Result<std::unique_ptr<Observer>> Observer::start(const Settings& settings) {
  for (const std::int32_t pid : settings.pids)
    if (auto alive = check_target(pid); !alive) return std::unexpected(alive.error());
  auto probes = LockProbes::load(
      {.whole_machine = settings.pids.empty(), .hooks = settings.hooks, .sizes = {}});
  if (!probes) return std::unexpected(probes.error());
  std::unique_ptr<Observer> observer(new Observer(settings, std::move(*probes)));
  if (auto attached = observer->attach(); !attached) return std::unexpected(attached.error());
  return observer;
}

Result<void> Observer::attach() {
  bool any_32bit = false;
  ImageId image = 1;
  for (const std::int32_t pid : settings_.pids) {
    if (auto watched = probes_.watch(pid, comm_of(pid)); !watched) return watched;
    symbols_.adopt(image++, pid);
    any_32bit = any_32bit || is_32bit(pid);
  }
  if (settings_.pids.empty()) any_32bit = std::ranges::any_of(all_pids(), is_32bit);
  calls_before_ = measure_calls();
  if (auto attached = probes_.attach(); !attached) return attached;
  if (any_32bit)
    if (auto attached = probes_.attach_compat(); !attached) return attached;
  calls_after_ = measure_calls();
  seed_waits();
  auto first = probes_.snapshot();
  if (!first) return std::unexpected(first.error());
  last_cost_ = probes_.cost();
  last_ = std::move(*first);
  symbols_.refresh(last_);
  last_sample_ = sample(last_);
  last_use_ = self_use();
  interval_began_ = rfc3339_now();
  return {};
}

void Observer::seed_waits() {
  for (const std::int32_t pid : settings_.pids.empty() ? all_pids() : settings_.pids)
    seed_waits_of(pid);
}

void Observer::seed_waits_of(std::int32_t pid) {
  const std::uint64_t read_ns = monotonic_ns();
  const std::vector<FutexWait> waits = futex_waits(pid);
  if (waits.empty()) return;
  const MemoryMap map = MemoryMap::read(open_process(pid).get());
  const std::string comm = comm_of(pid);
  for (const FutexWait& wait : waits) {
    const bool seeded = probes_.seed(
        WaitSeed{.pid = pid,
                 .tid = wait.tid,
                 .comm = comm,
                 .word = word_key(map, wait),
                 .op = wait.op,
                 .value = wait.value,
                 .on_own_stack = wait.address >= wait.sp && wait.address - wait.sp < kOwnStackReach,
                 .pc = wait.pc,
                 .read_ns = read_ns});
    // It may have left between the look and the seed, where no hook had a wait to end.
    if (seeded && !blocked_call(pid, wait.tid))
      probes_.reap(static_cast<std::uint32_t>(wait.tid), 0, false);
  }
}

void Observer::look() {
  symbols_.refresh_all();
  for (const std::int32_t pid : settings_.pids) sleeps_.look(pid, asleep_[pid]);
}

// Every wait in progress should be one in /proc too. One that is not, twice in a row, has ended
// without a hook to see it; left in the books it would read as a busy lock for ever.
void Observer::reap_ghosts(const Snapshot& snapshot) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> doubtful;
  std::size_t checks = 0;
  for (const WaitInProgress& wait : snapshot.in_progress) {
    if (wait.start_ns > last_.time_ns) continue;
    if (++checks > kChecksAReport) break;
    const auto image = snapshot.images.find(wait.image);
    if (image == snapshot.images.end()) continue;
    const std::int32_t pid = image->second.pid;
    const auto call = blocked_call(pid, static_cast<std::int32_t>(wait.tid));
    if (call && is_futex_call(pid, *call, is_32bit(pid))) continue;
    const std::pair id{wait.tid, wait.start_ns};
    if (doubtful_.contains(id))
      probes_.reap(wait.tid, wait.start_ns, true);
    else
      doubtful.insert(id);
  }
  doubtful_ = std::move(doubtful);
}

// The number of waiters of a word should be that of the threads' waits in progress. Busy words
// differ by chance now and then, because the two are not read at the same instant; a word that
// differs twice in a row is counted again inside the kernel.
void Observer::settle_counts(const Snapshot& snapshot) {
  std::unordered_map<WordId, std::uint32_t> waits;
  for (const WaitInProgress& wait : snapshot.in_progress) waits[wait.word]++;
  std::set<WordId> uneven;
  for (const auto& [id, word] : snapshot.words) {
    const auto found = waits.find(id);
    if (word.waiters == (found == waits.end() ? 0 : found->second)) continue;
    if (!uneven_.contains(id))
      uneven.insert(id);
    else
      probes_.settle(word.key);
  }
  uneven_ = std::move(uneven);
}

std::vector<ProcessSample> Observer::sample(const Snapshot& snapshot) {
  std::vector<std::int32_t> pids = settings_.pids;
  if (pids.empty()) {
    std::map<ImageId, std::uint64_t> waiting;
    for (const auto& [id, word] : snapshot.words)
      for (const WaitSite& site : word.wait_sites) waiting[site.image] += site.wait_ns;
    std::vector<std::pair<std::uint64_t, std::int32_t>> ranked;
    for (const auto& [id, image] : snapshot.images)
      if (image.watched && image.ended_ns == 0) ranked.emplace_back(waiting[id], image.pid);
    std::ranges::sort(ranked, std::greater{});
    for (std::size_t i = 0; i < std::min(ranked.size(), kProcessesSampled); i++)
      pids.push_back(ranked[i].second);
  }
  std::vector<ProcessSample> samples;
  for (const std::int32_t pid : pids) {
    auto sample = sample_process(pid);
    if (!sample) continue;
    if (const Runtimes* runtimes = symbols_.runtimes(pid)) {
      sample->runtimes = runtimes->languages;
      sample->allocators = runtimes->allocators;
    }
    if (const auto seen = asleep_.find(pid); seen != asleep_.end()) {
      sample->asleep_in = seen->second.asleep_in;
      sample->looks = seen->second.looks;
    }
    samples.push_back(std::move(*sample));
  }
  return samples;
}

Result<Report> Observer::report(bool final) {
  auto now = probes_.snapshot();
  if (!now) return std::unexpected(now.error());
  const HookCost cost = probes_.cost();
  symbols_.refresh(*now);
  std::vector<ProcessSample> after = sample(*now);
  asleep_.clear();
  const Interval interval = difference(last_, *now);
  Report report = analyse(interval, last_sample_, after,
                          AnalysisOptions{.thresholds = settings_.thresholds,
                                          .top_n = settings_.top_n,
                                          .with_waits = settings_.with_waits},
                          symbols_);
  fill_in(report, after, cost, final);
  reap_ghosts(*now);
  settle_counts(*now);
  last_ = std::move(*now);
  last_sample_ = std::move(after);
  return report;
}

void Observer::fill_in(Report& report, const std::vector<ProcessSample>& after,
                       const HookCost& cost, bool final) {
  report.host = host_;
  report.kernel = kernel_;
  report.started = interval_began_;
  report.interval = ++reports_;
  report.final = final;
  interval_began_ = rfc3339_now();

  Fidelity& fidelity = report.fidelity;
  fidelity.budget_pct = settings_.budget_pct;
  fidelity.hooks = probes_.hooks();
  fidelity.bystander_ns_per_syscall =
      std::max(0.0, calls_after_.plain_syscall_ns - calls_before_.plain_syscall_ns);
  const SelfUse use = self_use();
  fidelity.self_cpu_pct =
      report.interval_s > 0
          ? static_cast<double>(use.cpu_ns - last_use_.cpu_ns) / 1e7 / report.interval_s
          : 0;
  fidelity.self_rss_bytes = use.rss_bytes;
  last_use_ = use;

  // Two hooks a call: what their programs take, measured in place, and what getting there takes,
  // measured on ourselves.
  const double getting_there =
      std::max(0.0, calls_after_.futex_wake_ns - calls_before_.futex_wake_ns) / 2;
  const double spent_ns =
      static_cast<double>(cost.estimated_ns -
                          std::min(cost.estimated_ns, last_cost_.estimated_ns)) +
      getting_there * static_cast<double>(cost.runs - last_cost_.runs);
  if (const std::uint64_t wanted = cost.stacks_wanted - last_cost_.stacks_wanted; wanted != 0)
    fidelity.stacks_sampled_share =
        static_cast<double>(cost.stacks_taken - last_cost_.stacks_taken) /
        static_cast<double>(wanted);
  last_cost_ = cost;
  double cpu_s = 0;
  for (const ProcessReport& process : report.processes) cpu_s += process.cpu_s;
  if (!after.empty() && cpu_s > 0) fidelity.target_overhead_pct = spent_ns / 1e7 / cpu_s;
}

}  // namespace cw
