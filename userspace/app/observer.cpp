#include "app/observer.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <ctime>
#include <thread>

#include "analysis/analyse.h"
#include "analysis/explain.h"
#include "analysis/interval.h"
#include "analysis/lock_sums.h"
#include "analysis/processes.h"
#include "app/owner_looks.h"
#include "app/sleepers.h"
#include "output/format.h"
#include "process/go_locks.h"
#include "process/proc.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

constexpr std::size_t kChecksAReport = 256;  // waits in progress that are compared with /proc
constexpr std::size_t kProcessesSampled = 256;
constexpr std::size_t kAdoptedEarly = 64;
constexpr std::uint64_t kReportsALeftOut = 12;

std::string rfc3339_now() {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
  tm utc{};
  static_cast<void>(gmtime_r(&now.tv_sec, &utc));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now.tv_nsec / 1'000'000);
}

}  // namespace

Observer::Observer(Settings settings, Selection selection, LockProbes probes)
    : settings_(std::move(settings)),
      probes_(std::move(probes)),
      processes_(std::move(selection), probes_, unwind_files_),
      overhead_(settings_.budget_pct, settings_.part_of_budget()),
      symbols_([this](StackId stack) { return probes_.stack(stack); }),
      unwinding_(probes_.unwind_maps(), unwind_files_) {
  utsname names{};
  uname(&names);
  host_ = names.nodename;
  kernel_ = names.release;
}

Result<std::unique_ptr<Observer>> Observer::start(const Settings& settings) {
  auto selection = Selection::from(settings);
  if (!selection) return std::unexpected(selection.error());
  auto probes = LockProbes::load({.newcomers = selection->newcomers(),
                                  .follow_forks = selection->follows_forks(),
                                  .hooks = settings.observe.locks ? settings.hooks : HookSet::kNone,
                                  .sizes = {}});
  if (!probes) return std::unexpected(probes.error());
  const Watched newcomers = selection->newcomers();
  std::unique_ptr<Observer> observer(
      new Observer(settings, std::move(*selection), std::move(*probes)));
  auto alloc = AllocObserver::start(settings, observer->probes_, newcomers);
  if (alloc)
    observer->alloc_ = std::move(*alloc);
  else if (!settings.observe.locks)
    return std::unexpected(alloc.error());
  else
    observer->no_alloc_ = alloc.error().message;
  if (auto sections = SectionObserver::start(settings, observer->probes_))
    observer->sections_ = std::move(*sections);
  else
    observer->no_sections_ = sections.error().message;
  if (auto attached = observer->attach(); !attached) return std::unexpected(attached.error());
  return observer;
}

Result<void> Observer::attach() {
  if (auto watched = processes_.watch_named(); !watched) return watched;
  // Before the first hook runs, so that the first stack is right too.
  if (const auto named = probes_.processes()) unwinding_.refresh(*named, activity_);
  const CallCosts before = measure_calls();
  if (auto attached = probes_.attach(); !attached) return attached;
  if (auto begun = processes_.begin(); !begun) return begun;
  if (!see_who_ran()) return fail(Exit::kNotAllowed, no_times_);
  unwinding_.refresh(processes_.now(), activity_);
  overhead_.calls_cost(before, measure_calls());
  auto first = snapshot();
  if (!first) return std::unexpected(first.error());
  overhead_.begin(probes_.cost());
  last_ = std::move(*first);
  see_who_ran();
  symbols_.refresh(last_, activity_);
  adopt_some();
  last_sample_ = samples_.take(most_waiting(last_), activity_, symbols_);
  cpu_use_.look(activity_);
  begin_with_goroutines();
  if (alloc_) alloc_->begin(memory_targets(), activity_, symbols_);
  if (sections_) sections_->begin();
  interval_began_ = rfc3339_now();
  return {};
}

// The programs for them are loaded where a Go program is watched, or may come.
void Observer::begin_with_goroutines() {
  if (!settings_.observe.locks) return;
  const auto is_go = [&](const KnownProcess& process) {
    ProcessSymbols* const symbols = symbols_.process(process.image);
    return symbols != nullptr && runs_go(*symbols);
  };
  const Selection& selection = processes_.selection();
  const bool may_come = selection.newcomers() != Watched::kNo || selection.follows_forks();
  if (!may_come && std::ranges::none_of(processes_.now(), is_go)) return;
  auto started = GoroutineObserver::start(settings_, probes_);
  if (!started) {
    no_goroutines_ = started.error().message;
    return;
  }
  goroutines_ = std::move(*started);
  goroutines_->begin(memory_targets(), cpu_use_, symbols_);
}

void Observer::tell_of_goroutines(Report& report) {
  if (goroutines_) {
    goroutines_->report(report);
    return;
  }
  const bool any = std::ranges::any_of(
      report.processes, [](const ProcessReport& process) { return has_runtime(process, "Go"); });
  if (any)
    report.verdict.not_seen.push_back("Go's sync.Mutex" +
                                      (no_goroutines_.empty() ? "" : ": " + no_goroutines_));
}

std::vector<MemoryTarget> Observer::memory_targets() const {
  std::vector<MemoryTarget> targets;
  for (const KnownProcess& process : processes_.now())
    targets.push_back({.pid = process.pid, .image = process.image});
  return targets;
}

// What is known stays where the kernel is short of memory or we are short of files for a moment.
bool Observer::see_who_ran() {
  const auto times = probes_.times();
  no_times_ = times ? std::string() : times.error().message;
  if (times) activity_.update(*times);
  return times.has_value();
}

Result<Snapshot> Observer::snapshot() {
  return probes_.snapshot([this](const Image& image) { return processes_.belongs(image); });
}

// Opens the files of processes while they live; of many, only those whose locks are shown.
void Observer::adopt_some() {
  for (const KnownProcess& process : processes_.now()) {
    if (symbols_.targets() >= kAdoptedEarly) break;
    if (process.image != 0) symbols_.adopt(process.image, process.pid);
  }
}

Result<void> Observer::look() {
  if (auto refreshed = processes_.refresh(); !refreshed) return refreshed;
  see_who_ran();
  cpu_use_.look(activity_);
  probes_.sample_stacks(overhead_.adjust(probes_.cost(), cpu_use_.spent_ns()));
  unwinding_.refresh(processes_.now(), activity_);
  unwind_files_.forget();
  if (!processes_.selection().is_whole_machine()) adopt_some();
  symbols_.look(activity_);
  samples_.look(activity_);
  look_at_probed(memory_targets());
  return {};
}

// Allocators and critical sections.
void Observer::look_at_probed(const std::vector<MemoryTarget>& targets) {
  if (alloc_) {
    alloc_->share_with(sections_ ? sections_->probed() : std::set<std::int32_t>());
    alloc_->set_budget(overhead_.left_for_windows());
    alloc_->look(targets, activity_, cpu_use_, symbols_);
  }
  if (goroutines_)
    goroutines_->look(targets, cpu_use_, symbols_,
                      sections_ ? sections_->probed() : std::set<std::int32_t>());
  if (sections_)
    sections_->look(targets, cpu_use_, symbols_,
                    alloc_ ? alloc_->probed() : std::set<std::int32_t>());
}

// Every wait in progress should be one in /proc too. One that is not, twice in a row, has ended
// without a hook to see it; left in the books it would read as a busy lock for ever.
void Observer::reap_ghosts(const Snapshot& snapshot) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> doubtful;
  std::size_t checks = 0;
  for (const WaitInProgress& wait : snapshot.in_progress) {
    if (wait.start_ns > last_.time_ns || wait.is_of_goroutine()) continue;
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

// The processes that are reported on: all that are watched, or of many those with most waiting.
std::vector<std::int32_t> Observer::most_waiting(const Snapshot& snapshot) const {
  std::vector<std::pair<std::uint64_t, std::int32_t>> ranked;
  std::unordered_map<ImageId, std::uint64_t> waiting;
  for (const auto& [id, word] : snapshot.words)
    for (const WaitSite& site : word.wait_sites) waiting[site.image] += site.wait_ns;
  for (const KnownProcess& process : processes_.now()) {
    const auto found = waiting.find(process.image);
    ranked.emplace_back(found == waiting.end() ? 0 : found->second, process.pid);
  }
  std::ranges::sort(ranked, std::greater{});
  ranked.resize(std::min(ranked.size(), kProcessesSampled));
  std::vector<std::int32_t> pids;
  pids.reserve(ranked.size());
  for (const auto& [waited, pid] : ranked) pids.push_back(pid);
  return pids;
}

Result<Report> Observer::report(bool final) {
  if (auto refreshed = processes_.refresh(); !refreshed) return std::unexpected(refreshed.error());
  auto now = snapshot();
  if (!now) return std::unexpected(now.error());
  add_missing_stacks(probes_, *now, unwind_files_);
  see_who_ran();
  symbols_.refresh(*now, activity_);
  std::vector<ProcessSample> after = samples_.take(most_waiting(*now), activity_, symbols_);
  Interval interval = difference(last_, *now);
  if (goroutines_) goroutines_->complete(interval);
  Report report = analyse(interval, last_sample_, after,
                          AnalysisOptions{.thresholds = settings_.thresholds,
                                          .top_n = settings_.top_n,
                                          .with_waits = settings_.names_idle_waits()},
                          memory_, symbols_);
  for (const WordKey& word : memory_.polled) probes_.join_polls(word);
  fill_in(report, final);
  tell_of_goroutines(report);
  look_at_owners(report);
  if (sections_) sections_now_ = sections_->report(report);
  add_lock_sums(report, sections_now_, settings_.top_n, symbols_);
  if (alloc_) alloc_->report(memory_targets(), activity_, symbols_, report);
  if (settings_.explain) explain(report, settings_.thresholds);
  reap_ghosts(*now);
  settle_counts(*now);
  last_ = std::move(*now);
  last_sample_ = std::move(after);
  return report;
}

void Observer::fill_in(Report& report, bool final) {
  report.host = host_;
  report.kernel = kernel_;
  report.started = interval_began_;
  report.interval = ++reports_;
  report.final = final;
  report.cpus = std::thread::hardware_concurrency();
  interval_began_ = rfc3339_now();

  report.fidelity.hooks = probes_.hooks();
  report.fidelity.unwind_table_bytes = unwinding_.bytes();
  overhead_.report(probes_.cost(), cpu_s_of(report), report.interval_s, report.fidelity);
  if (!processes_.not_seen().empty()) report.verdict.not_seen.push_back(processes_.not_seen());
  if (!no_times_.empty()) report.verdict.not_seen.push_back("CPU time: " + no_times_);
  if (!no_alloc_.empty()) report.verdict.not_seen.push_back("allocations, memory: " + no_alloc_);
  if (!no_sections_.empty())
    report.verdict.not_seen.push_back("critical sections: " + no_sections_);
  if (const std::size_t refused = unwinding_.refused(); refused != 0)
    report.verdict.not_seen.push_back(
        fmt::format("callers in the code of {}, but by frame pointers: no room for more tables",
                    format_plural(refused, "file")));
  if (const std::size_t left_out = left_out_now(); left_out != 0)
    report.verdict.not_seen.insert(
        report.verdict.not_seen.begin(),
        fmt::format("{} (--children watches them too)", format_plural(left_out, "descendant")));
}

// A look at all processes of the machine, so not in each interval.
std::size_t Observer::left_out_now() {
  if (reports_ % kReportsALeftOut == 1) left_out_ = processes_.selection().left_out().size();
  return left_out_;
}

}  // namespace cw
