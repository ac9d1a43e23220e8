#include "analysis/locks.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace cw {
namespace {

// Sums over the words of one object.
struct Totals {
  std::uint64_t waiting_ns = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t charged_ns = 0;
  std::uint64_t repeats = 0;
  std::uint64_t value_changes = 0;
  double most_busy = 0;            // share of the interval, of one word
  double all_quiet = 1;            // chance that no word has a waiter, were they independent
  bool expects_something = false;  // some waiter expected another value than 0
};

void add_word(const ObjectWord& entry, std::uint64_t length_ns, LockReport& report,
              Totals& totals) {
  const Word& word = *entry.word;
  const double busy = std::min(1.0, share_of(word.busy_ns, length_ns));
  totals.most_busy = std::max(totals.most_busy, busy);
  totals.all_quiet *= 1 - busy;
  totals.waiting_ns += word.waiting_ns;
  totals.busy_ns += word.busy_ns;
  totals.charged_ns += word.charged_ns;
  totals.repeats += word.repeats;
  totals.value_changes += word.value_changes;
  totals.expects_something =
      totals.expects_something || std::ranges::any_of(word.wait_sites, [](const WaitSite& site) {
        return site.value != ValueClass::kZero;
      });

  report.waits += completed(word);
  report.timed_out += word.timed_out;
  report.interrupted += word.interrupted;
  report.raced += word.raced;
  report.failed += word.failed;
  report.in_progress += entry.in_progress.size();
  report.waits_at_least += word.at_least;
  report.runnable_ns += word.runnable_ns;
  report.threads += word.distinct;
  report.threads += static_cast<std::uint64_t>(std::ranges::count_if(
      entry.in_progress, [](const WaitInProgress* wait) { return !wait->counted; }));
  report.wait.sum_ns += word.wait_ns;
  report.wait.histogram.merge(word.wait_hist);
  report.wake_gap.histogram.merge(word.gap_hist);
}

std::string mode_of(const ObjectWord& entry, const CallSite& site, const SiteKinds* sites) {
  const char* const mode = classify_site(entry, site, sites).mode;
  return mode == nullptr ? std::string() : std::string(mode);
}

std::vector<WaitRow> wait_rows(const LockObject& object, const Interval& interval,
                               const SiteKinds* sites) {
  std::map<std::tuple<ImageId, StackId, std::string>, WaitRow> rows;
  const auto row = [&](ImageId image, StackId stack, std::string mode) -> WaitRow& {
    if (object.what.kind != LockKind::kRwlock) mode.clear();
    WaitRow& found = rows[{image, stack, mode}];
    found.image = image;
    found.stack = stack;
    found.mode = std::move(mode);
    return found;
  };
  for (const ObjectWord& entry : object.words) {
    for (const WaitSite& site : entry.word->wait_sites) {
      WaitRow& to = row(site.image, site.stack, mode_of(entry, call_site(site), sites));
      to.waits += site.waits;
      to.wait_ns += site.wait_ns;
    }
    for (const WaitInProgress* wait : entry.in_progress)
      if (has_say(entry, *wait))
        row(wait->image, wait->stack, mode_of(entry, call_site(*wait), sites)).wait_ns +=
            inside_ns(interval, *wait);
  }
  std::vector<WaitRow> sorted;
  sorted.reserve(rows.size());
  // A wait may have begun while the maps were read: then none of it lies in the interval.
  for (auto& [key, found] : rows)
    if (found.waits != 0 || found.wait_ns != 0) sorted.push_back(std::move(found));
  std::ranges::sort(sorted, [](const WaitRow& a, const WaitRow& b) {
    return std::tie(b.wait_ns, a.image, a.stack, a.mode) <
           std::tie(a.wait_ns, b.image, b.stack, b.mode);
  });
  return sorted;
}

std::vector<WakeRow> wake_rows(const LockObject& object) {
  std::map<std::pair<ImageId, StackId>, WakeRow> rows;
  for (const ObjectWord& entry : object.words) {
    for (const WakeSite& site : entry.word->wake_sites) {
      WakeRow& row = rows[{site.image, site.stack}];
      row.image = site.image;
      row.stack = site.stack;
      row.wakes += site.wakes;
      row.charged_ns += site.charged_ns;
    }
  }
  std::vector<WakeRow> sorted;
  sorted.reserve(rows.size());
  for (const auto& [key, row] : rows) sorted.push_back(row);
  std::ranges::sort(sorted, [](const WakeRow& a, const WakeRow& b) {
    return std::tie(b.charged_ns, a.image, a.stack) < std::tie(a.charged_ns, b.image, b.stack);
  });
  return sorted;
}

bool spans(const LockObject& object, const Interval& interval, std::uint64_t waits) {
  std::size_t in_progress = 0;
  for (const ObjectWord& entry : object.words) {
    in_progress += entry.in_progress.size();
    for (const WaitInProgress* wait : entry.in_progress)
      if (!wait->at_least && wait->start_ns > interval.begin_ns) return false;
  }
  return waits == 0 && in_progress != 0;
}

// Whose waiting it is: a word in a file may have waiters in several processes.
void add_processes(const Interval& interval, Lock& lock) {
  std::uint64_t total = 0;
  for (const WaitRow& row : lock.waiters) total += row.wait_ns;
  std::set<std::int32_t> pids;
  const auto add = [&](ImageId image, double share) {
    const auto found = interval.images.find(image);
    if (found == interval.images.end()) return;
    if (lock.image == 0) {
      lock.image = image;
      lock.report.comm = found->second.comm;
    }
    pids.insert(found->second.pid);
    lock.images[image] = found->second.pid;
    lock.waiting_by_pid[found->second.pid] += share * lock.net_waiters();
  };
  for (const WaitRow& row : lock.waiters)
    add(row.image,
        total == 0 ? 1.0 / static_cast<double>(lock.waiters.size()) : share_of(row.wait_ns, total));
  // Calls that never slept leave no row.
  if (pids.empty() && lock.key.scope == WordKey::Scope::kPrivate && lock.key.space != 0)
    add(static_cast<ImageId>(lock.key.space), 1);
  lock.report.pids.assign(pids.begin(), pids.end());
}

void add_means(const Interval& interval, const Totals& totals, LockReport& report) {
  const auto length = static_cast<double>(interval.length_ns());
  if (length == 0) return;
  report.waits_per_s = static_cast<double>(report.waits) / interval.length_s();
  report.waiters_mean = static_cast<double>(totals.waiting_ns) / length;
  const double busy_sum = std::min(1.0, static_cast<double>(totals.busy_ns) / length);
  report.busy_share = busy_sum;
  if (report.per_waiter_words) {
    // Each word has one waiter, and nothing tells which of them waited at the same time. As if they
    // came independently; at most one after the other, at least all at once.
    report.busy_share = std::min(1 - totals.all_quiet, busy_sum);
    report.busy_share_bounds = {totals.most_busy, busy_sum};
  }
  // The delay comes with a wait's end, at its whole length: a wait that began long before may
  // bring more of it than this interval has waiting.
  report.runnable_mean =
      std::min(report.waiters_mean, static_cast<double>(report.runnable_ns) / length);
}

}  // namespace

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double Lock::net_waiters() const {
  return std::max(0.0, report.waiters_mean - report.runnable_mean);
}

double Lock::net_busy() const {
  if (report.waiters_mean <= 0) return 0;
  return report.busy_share * net_waiters() / report.waiters_mean;
}

Lock measure(const LockObject& object, const Interval& interval, const SiteKinds* sites) {
  Lock lock;
  lock.key = object.key;
  lock.words = object.words.size();
  for (const ObjectWord& entry : object.words) {
    lock.word_ids.push_back(entry.word->id);
    lock.word_keys.push_back(entry.word->key);
  }
  lock.sure = object.what.sure;
  lock.op = object.op;
  lock.report.goroutines = is_of_goroutine(object.op);
  LockReport& report = lock.report;
  report.kind = object.what.kind;
  report.address = object.key.scope == WordKey::Scope::kPrivate ? object.key.address : 0;
  report.per_waiter_words = object.what.has(kPerWaiter);
  if (object.what.primitive != nullptr) report.primitive = object.what.primitive;
  lock.names_itself = object.what.has(kNamesItself);
  lock.notes_no_owner = object.what.has(kNotesNoOwner);
  lock.polls = object.what.has(kPolls);
  lock.own = object.own;

  Totals totals;
  for (const ObjectWord& entry : object.words)
    add_word(entry, interval.length_ns(), report, totals);
  report.wait.count = report.waits;
  // Their outcome may be counted an interval later than they are.
  report.timed_out = std::min(report.timed_out, report.waits);
  report.interrupted = std::min(report.interrupted, report.waits - report.timed_out);
  if (report.per_waiter_words) report.wake_gap = {};  // of one waiter each: no gap of the lock
  report.wake_gap.count = report.wake_gap.histogram.count();
  add_means(interval, totals, report);
  report.unattributed_share =
      totals.waiting_ns == 0 ? 0
                             : std::max(0.0, 1 - share_of(totals.charged_ns, totals.waiting_ns));

  // Who waits for something to become other than 0 waits for work, not for a lock.
  lock.behaves_like_lock = report.threads >= 2 && totals.repeats > 0 && totals.value_changes == 0 &&
                           totals.expects_something;
  lock.spans_interval = spans(object, interval, report.waits);
  lock.waiters = wait_rows(object, interval, sites);
  lock.releasers = wake_rows(object);
  add_processes(interval, lock);
  return lock;
}

}  // namespace cw
