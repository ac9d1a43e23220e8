#include "analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/arithmetic.h"
#include "analysis/processes.h"
#include "analysis/stacks.h"
#include "output/format.h"
#include "output/symbol.h"

namespace cw {
namespace {

// Of the waiting, the part that only lacked a CPU: from here on that is what is wrong.
constexpr double kStarving = 0.2;
// Threads ready to run, mean, from which on a lack of CPU is worth a word.
constexpr double kCrowd = 0.5;
// From this share of a process's threads on, "all wait for one lock" needs a caution.
constexpr double kNearlyAll = 0.9;
// From this share of unattributed waiting on, the releasers shown are a minority report.
constexpr double kMostlyUnattributed = 0.5;

Level level_of(double waiters, double busy, const LockThresholds& thresholds) {
  if (waiters >= thresholds.waiters_culprit && busy >= thresholds.busy_culprit)
    return Level::kCulprit;
  if (waiters >= thresholds.waiters_suspect || busy >= thresholds.busy_suspect)
    return Level::kSuspect;
  return Level::kFine;
}

// The most that may be said of this lock, whatever its numbers.
Level ceiling_of(const Lock& lock) {
  if (is_idle(lock.report.kind)) return Level::kFine;
  if (!lock.sure) return lock.behaves_like_lock ? Level::kSuspect : Level::kFine;
  if (lock.spans_interval && lock.report.in_progress == 1) return Level::kSuspect;
  return Level::kCulprit;
}

std::string many(std::uint64_t count, LockKind kind) {
  return fmt::format("{} {}{}", format_count(count), name_of(kind),
                     kind == LockKind::kMutex ? "es" : "s");
}

std::string title(const Lock& lock) {
  const LockReport& report = lock.report;
  const std::string name = report.has_symbol ? short_symbol(report.name) : report.name;
  if (report.objects > 1) return fmt::format("{} {}", many(report.objects, report.kind), name);
  return fmt::format("{} {}", name_of(report.kind), name);
}

std::string with_line(const std::string& function, const Stack& stack) {
  const std::string line = source_line(stack.frames.at(stack.own));
  return line.empty() ? function : fmt::format("{} ({})", function, line);
}

std::string where(const Lock& lock) {
  const LockReport& report = lock.report;
  std::string text;
  if (!report.waiters.empty()) {
    const std::string function = own_function(report.waiters.front().stack);
    if (!function.empty())
      text =
          fmt::format("{} of the waiting begins in {}", format_share(report.waiters.front().share),
                      with_line(function, report.waiters.front().stack));
  }
  if (report.releasers.empty() || report.releasers.front().share <= 0) return text;
  const std::string function = own_function(report.releasers.front().stack);
  if (function.empty()) return text;
  text += fmt::format("{}{} is let go by {}", text.empty() ? "" : ", ",
                      format_share(report.releasers.front().share),
                      with_line(function, report.releasers.front().stack));
  if (report.unattributed_share > kMostlyUnattributed)
    text += fmt::format(" ({} of the waiting is not attributed)",
                        format_share(report.unattributed_share));
  else if (report.kind != LockKind::kGil)  // all that it runs is under that
    text += fmt::format(": look at what {} does under the lock", function);
  return text;
}

bool any_has_runtime(const std::vector<ProcessReport>& processes, std::string_view name) {
  return std::ranges::any_of(
      processes, [&](const ProcessReport& process) { return has_runtime(process, name); });
}

std::vector<std::string> not_seen(const std::vector<Lock>& locks,
                                  const std::vector<ProcessReport>& processes) {
  std::vector<std::string> blind = {"spinning before sleeping", "kernel locks",
                                    "uncontended acquisitions (no futex call)"};
  if (any_has_runtime(processes, "CPython"))
    blind.emplace_back("a Python lock with one waiter at a time (looks like a condition)");
  const bool nameless_words = std::ranges::any_of(locks, [](const Lock& lock) {
    return lock.report.kind == LockKind::kUnknown && lock.report.threads == 1;
  });
  if (nameless_words)
    blind.emplace_back("locks that sleep on a word per thread, where no frame has a name");
  if (any_has_runtime(processes, "JVM"))
    blind.emplace_back("Java's locks, where HotSpot's frames have no names");
  return blind;
}

std::string idle_text(const IdleWaits& idle) {
  std::string kinds;
  for (const auto& [kind, objects] : idle.objects)
    kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", format_plural(objects, name_of(kind)));
  return fmt::format("{} threads in idle waits ({}): not contention",
                     format_mean(idle.threads_mean), kinds);
}

std::vector<std::string> cleared(const std::vector<Lock>& locks, const Background& background,
                                 const IdleWaits& idle) {
  std::uint64_t fine = background.locks().count;
  double fine_waiting = background.locks().waiters_mean;
  std::uint64_t asleep_words = background.unsure.count;
  double asleep = background.unsure.waiters_mean;
  bool any_guilty = false;
  for (const Lock& lock : locks) {
    if (lock.report.level != Level::kFine) {
      any_guilty = true;
    } else if (counts_as_lock(lock)) {
      ++fine;
      fine_waiting += lock.net_waiters();
    } else {
      ++asleep_words;
      asleep += lock.net_waiters();
    }
  }
  std::vector<std::string> innocent;
  if (fine != 0)
    innocent.push_back(fmt::format("{}: {}{} threads waiting",
                                   format_plural(fine, any_guilty ? "other lock" : "lock"),
                                   fine > 1 ? "together " : "", format_mean(fine_waiting)));
  if (!idle.objects.empty()) innocent.push_back(idle_text(idle));
  if (asleep_words != 0 && asleep > 0)
    innocent.push_back(fmt::format("{} threads asleep on {} of unknown use: nothing shows a lock",
                                   format_mean(asleep), format_plural(asleep_words, "word")));
  return innocent;
}

// Empty: they have enough, or there are too few of them to matter.
std::string lack_of_cpu(const std::vector<Lock>& locks,
                        const std::vector<ProcessReport>& processes) {
  const auto starved =
      std::ranges::find(locks, "cpu starvation",
                        [](const Lock& lock) -> const std::string& { return lock.report.cause; });
  if (starved != locks.end())
    return fmt::format("threads lack CPU: of {} threads waiting for {}, {} were runnable",
                       format_mean(starved->report.waiters_mean), title(*starved),
                       format_mean(starved->report.runnable_mean));
  double running = 0;
  double runnable = 0;
  for (const ProcessReport& process : processes) {
    running += process.threads_mean.on_cpu;
    runnable += process.threads_mean.runnable;
  }
  if (runnable < kCrowd || runnable < kStarving * (running + runnable)) return {};
  return fmt::format("threads lack CPU: {} run, {} are ready to and wait for one",
                     format_mean(running), format_mean(runnable));
}

std::string fine_summary(const std::vector<Lock>& locks) {
  double most = 0;
  for (const Lock& lock : locks)
    if (counts_as_lock(lock)) most = std::max(most, lock.net_waiters());
  if (most == 0) return "no thread waited for a lock";
  if (most < 0.01) return "no lock keeps more than 0.01 threads waiting";
  return fmt::format("no lock keeps more than {} threads waiting", format_mean(most));
}

}  // namespace

bool counts_as_lock(const Lock& lock) {
  return !is_idle(lock.report.kind) && (lock.sure || lock.behaves_like_lock);
}

void judge(Lock& lock, const Thresholds& thresholds) {
  LockReport& report = lock.report;
  const Level ceiling = ceiling_of(lock);
  const LockThresholds of = thresholds.of(report.kind);
  const Level raw = std::min(level_of(report.waiters_mean, report.busy_share, of), ceiling);
  report.level = std::min(level_of(lock.net_waiters(), lock.net_busy(), of), ceiling);
  // The locks of a deadlock are stuck, too; the circle is what is guilty: see conclude().
  if (lock.deadlocked) report.level = std::max(report.level, Level::kSuspect);
  if (lock.spans_interval && (lock.deadlocked || raw != Level::kFine))
    report.cause = "stuck";
  else if (raw == Level::kFine)
    report.cause.clear();
  else if (raw > report.level && report.runnable_mean >= kStarving * report.waiters_mean)
    report.cause = "cpu starvation";
  else
    report.cause = report.level == Level::kFine ? "" : "contention";
}

std::vector<std::string> advice(const Lock& lock, std::uint64_t threads) {
  const LockReport& report = lock.report;
  std::vector<std::string> lines;
  if (report.cause.empty()) return lines;
  if (report.cause == "cpu starvation") {
    lines.emplace_back(
        "woken threads had no CPU to run on: look at CPU limits and load, not at this lock");
    return lines;
  }
  if (lock.deadlocked) {
    lines.emplace_back("end the process to let it go; take such locks in one order everywhere");
    return lines;
  }
  if (report.cause == "stuck" && report.owner)
    lines.push_back(fmt::format("its memory names tid {} {} as the owner: see where that thread is",
                                report.owner->tid, report.owner->comm));
  if (std::string text = where(lock); !text.empty()) lines.push_back(std::move(text));
  if (report.cause == "contention" && threads >= 2 &&
      lock.net_waiters() >= kNearlyAll * static_cast<double>(threads))
    lines.emplace_back(
        "nearly every thread waits at once: slow waking looks like this too, not only long holds");
  return lines;
}

std::string lock_summary(const Lock& lock, std::uint64_t threads) {
  const LockReport& report = lock.report;
  if (report.cause == "stuck")
    return fmt::format("{}: {} stuck, waiting through the whole interval", title(lock),
                       format_plural(report.in_progress, waiter_of(report)));
  std::string text = fmt::format("{}: {} {} waiting for it", title(lock), some_of(report, threads),
                                 threads == 1 ? "is" : "are");
  if (report.cause == "cpu starvation")
    text += fmt::format(", {} of them only lack CPU", format_mean(report.runnable_mean));
  return text;
}

namespace {
std::string deadlock_summary(const std::vector<Deadlock>& deadlocks) {
  const std::vector<DeadlockLink>& cycle = deadlocks.front().cycle;
  std::string text =
      cycle.size() == 1
          ? fmt::format("thread {} {} waits for a {} that it holds itself", cycle.front().tid,
                        cycle.front().comm, name_of(cycle.front().kind))
          : fmt::format("{} threads wait for each other and can never go on", cycle.size());
  if (deadlocks.size() > 1)
    text += fmt::format("; {} more", format_plural(deadlocks.size() - 1, "deadlock"));
  return text;
}
}  // namespace

Verdict conclude(const std::vector<Lock>& locks, const Background& background,
                 std::uint64_t worst_threads, const IdleWaits& idle,
                 const std::vector<Deadlock>& deadlocks,
                 const std::vector<ProcessReport>& processes) {
  Verdict verdict;
  if (!locks.empty()) verdict.level = locks.front().report.level;
  if (verdict.level != Level::kFine) {
    verdict.summary = lock_summary(locks.front(), worst_threads);
  } else if (verdict.summary = lack_of_cpu(locks, processes); !verdict.summary.empty()) {
    verdict.advice.emplace_back("look at CPU limits, throttling and load, not at locks");
  } else {
    verdict.summary = fine_summary(locks);
  }
  if (!deadlocks.empty()) {  // proven: no threshold to reach
    verdict.level = Level::kCulprit;
    verdict.summary = "deadlock: " + deadlock_summary(deadlocks);
  }
  if (verdict.level != Level::kFine && processes.size() > 1 && !locks.front().report.pids.empty())
    verdict.summary +=
        fmt::format(" ({}, pid {})", locks.front().report.comm, locks.front().report.pids.front());
  verdict.not_seen = not_seen(locks, processes);
  verdict.cleared = cleared(locks, background, idle);
  return verdict;
}

}  // namespace cw
