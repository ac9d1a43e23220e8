#include "analysis/section_windows.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace cw {
namespace {

// Where in an object its futex words are (glibc: sysdeps/nptl/bits, x86-64 and AArch64; musl:
// src/internal/pthread_impl.h).
constexpr std::uint64_t kMutexWords = 8;
constexpr std::uint64_t kConditionBytes = 48;

// Probes that a thread passed so far.
struct Passed {
  std::uint64_t hits = 0;
  std::uint64_t stacks = 0;  // of those, with a stack
  double ns = 0;             // that all these took
};

// A critical section that a thread is in, or asked to be let into.
struct Section {
  std::uint64_t start_ns = 0;
  std::uint64_t pause_ns = 0;   // of the thread, since its hit before
  std::uint64_t condition = 0;  // asked by waiting for one
  Passed before;                // by the thread, when it began
  StackId stack = 0;
  SectionCall call = SectionCall::kLock;
  bool after_wait = false;  // begins with the end of a futex wait, not with a hit
  bool contended = false;   // that was on the lock, and the thread slept
  bool sure = true;         // once it goes on it has the lock
};

struct Thread {
  std::uint64_t last_ns = 0;  // its event before
  Passed passed;
  std::map<std::uint64_t, std::uint64_t> calls;  // by lock
  std::map<std::uint64_t, Section> sections;     // by lock
};

bool is_word_of(std::uint64_t word, std::uint64_t lock, SectionCall call) {
  const std::uint64_t bytes = is_of_rwlock(call) ? kRwlockBytes : kMutexWords;
  return word - lock < bytes;
}

bool is_read(SectionCall call) {
  return call == SectionCall::kRead || call == SectionCall::kTryRead;
}

// Between two pauses by their logarithms: what is forgotten first is what is near.
double more_after(std::uint64_t pause_ns, const std::vector<ColdHit>& cold,
                  double ColdHit::* figure) {
  const auto pause = static_cast<double>(pause_ns);
  const auto longer =
      std::ranges::find_if(cold, [&](const ColdHit& known) { return known.pause_ns >= pause; });
  if (longer == cold.end()) return cold.empty() ? 0 : cold.back().*figure;
  if (longer == cold.begin()) return *longer.*figure;
  const ColdHit& shorter = *std::prev(longer);
  const double part =
      std::log(pause / shorter.pause_ns) / std::log(longer->pause_ns / shorter.pause_ns);
  return shorter.*figure + part * (*longer.*figure - shorter.*figure);
}

class WindowReader {
 public:
  WindowReader(const SectionRecord& record, const SectionCosts& costs)
      : record_(&record), costs_(&costs) {}

  SectionWindow read() {
    for (const SectionEvent& event : record_->events) pass(event);
    finish();
    window_.open_ns = record_->open_ns;
    window_.length_ns = record_->length_ns;
    window_.set = record_->set;
    window_.stacks_one_in = record_->stacks_one_in;
    window_.hits = record_->events.size();
    window_.threads = threads_.size();
    window_.stepped = record_->stepped;
    add_losses();
    drop_the_least();
    return std::move(window_);
  }

 private:
  void pass(const SectionEvent& event) {
    Thread& thread = threads_[event.tid];
    settle(thread, event);
    LockWindow& lock = window_.locks[event.lock];
    if (is_of_rwlock(event.call)) lock.is_rwlock = true;
    ++thread.calls[event.lock];
    if (asks(event.call))
      ++lock.asks;
    else if (!event.inner)
      let_go(thread, event, lock);
    const std::uint64_t before = std::clamp(thread.last_ns, record_->open_ns, event.time_ns);
    thread.last_ns = event.time_ns;
    ++thread.passed.hits;
    if (event.stack != 0) ++thread.passed.stacks;
    const double took_ns = costs_->hit_ns + (event.stack != 0 ? costs_->stack_ns : 0) +
                           more_after(event.time_ns - before, costs_->cold, &ColdHit::more_ns);
    thread.passed.ns += took_ns;
    lock.calls_ns += took_ns;
    const bool begins = asks(event.call) || event.call == SectionCall::kConditionWait;
    if (begins && !event.inner && record_->set == ProbeSet::kBoth) ask(thread, event, before);
  }

  // A wait of the thread has ended since its event before: what it waited for is its own now.
  static void settle(Thread& thread, const SectionEvent& event) {
    if (event.waited_ns == 0) return;
    for (auto& [address, section] : thread.sections) {
      if (event.waited_ns < section.start_ns) continue;
      const bool on_lock = is_word_of(event.waited_on, address, section.call);
      const bool on_condition =
          section.condition != 0 && event.waited_on - section.condition < kConditionBytes;
      if (!on_lock && !on_condition) continue;
      section.start_ns = event.waited_ns;
      section.after_wait = true;
      section.contended = section.contended || (on_lock && event.slept);
      section.sure = true;
    }
  }

  // Some functions go on to others of them, musl's pthread_mutex_lock to pthread_mutex_timedlock
  // and that, in the end, to pthread_mutex_trylock: the last one takes the lock.
  static void ask(Thread& thread, const SectionEvent& event, std::uint64_t before) {
    const auto known = thread.sections.find(event.lock);
    if (event.taken && (known == thread.sections.end() || !known->second.sure)) return;
    const bool waits = event.call == SectionCall::kConditionWait;
    Section section{.start_ns = event.time_ns,
                    .pause_ns = event.time_ns - before,
                    .condition = waits ? event.condition : 0,
                    .before = thread.passed,
                    .stack = event.stack,
                    .call = event.call,
                    .after_wait = false,
                    .contended = false,
                    .sure = !waits && !event.taken && event.call != SectionCall::kTryRead &&
                            event.call != SectionCall::kTryWrite};
    if (known != thread.sections.end()) {
      section.contended = known->second.contended;
      section.sure = section.sure || known->second.sure;
      if (section.stack == 0) section.stack = known->second.stack;
    }
    thread.sections[event.lock] = section;
  }

  void let_go(Thread& thread, const SectionEvent& event, LockWindow& lock) {
    ++lock.releases;
    note_thread(lock, event.tid);
    if (record_->set != ProbeSet::kBoth) return;
    const auto found = thread.sections.find(event.lock);
    if (found != thread.sections.end()) {
      complete(thread, found->second, event.time_ns, lock);
      thread.sections.erase(found);
    } else if (event.waited_ns > std::max(record_->open_ns, thread.last_ns) &&
               is_word_of(event.waited_on, event.lock, event.call)) {
      // It had asked before the window opened.
      const Section section{.start_ns = event.waited_ns,
                            .pause_ns = 0,
                            .condition = 0,
                            .before = thread.passed,
                            .stack = 0,
                            .call = event.call,
                            .after_wait = true,
                            .contended = event.slept,
                            .sure = true};
      complete(thread, section, event.time_ns, lock);
    } else {
      ++lock.begun_before;
    }
  }

  // What is left of a hold without the probes' own time: the end of the first one's run and the
  // beginning of the last one's, and all those between.
  [[nodiscard]] std::uint64_t length_of(const Thread& thread, const Section& section,
                                        std::uint64_t end_ns, bool ended) const {
    const auto measured = static_cast<double>(end_ns - std::min(end_ns, section.start_ns));
    const double floors = (section.after_wait ? 0 : 0.5) + (ended ? 0.5 : 0);
    const double cold = section.after_wait
                            ? 0
                            : more_after(section.pause_ns, costs_->cold, &ColdHit::floor_more_ns);
    const double cost =
        floors * costs_->floor_ns + cold +
        static_cast<double>(thread.passed.hits - section.before.hits) * costs_->hit_ns +
        static_cast<double>(thread.passed.stacks - section.before.stacks) * costs_->stack_ns;
    return static_cast<std::uint64_t>(std::llround(std::max(0.0, measured - cost)));
  }

  static void begin(const Section& section, LockWindow& lock) {
    ++lock.begun;
    if (section.contended) ++lock.contended;
    if (is_read(section.call)) ++lock.reads;
    if (section.stack != 0) ++lock.holders[section.stack].acquisitions;
  }

  void complete(const Thread& thread, const Section& section, std::uint64_t end_ns,
                LockWindow& lock) const {
    const std::uint64_t ns = length_of(thread, section, end_ns, true);
    begin(section, lock);
    lock.held_ns += ns;
    lock.hits_within += thread.passed.hits - section.before.hits;
    lock.within_ns += thread.passed.ns - section.before.ns;
    lock.holds.add(bucket_of(ns), 1);
    if (section.stack == 0) return;
    HolderWindow& holder = lock.holders[section.stack];
    ++holder.completed;
    holder.held_ns += ns;
    holder.holds.add(bucket_of(ns), 1);
  }

  // Who asked and did not let go has the lock still, unless it waits for it.
  void finish() {
    const std::uint64_t close_ns = record_->open_ns + record_->length_ns;
    for (const auto& [tid, thread] : threads_) {
      for (const auto& [address, section] : thread.sections) {
        if (!section.sure || waits(tid, address, section.call)) continue;
        const std::uint64_t ns = length_of(thread, section, close_ns, false);
        LockWindow& lock = window_.locks[address];
        begin(section, lock);
        note_thread(lock, tid);
        lock.cut_ns += ns;
        lock.cut.add(bucket_of(ns), 1);
        if (section.stack != 0) lock.holders[section.stack].cut_ns += ns;
      }
    }
  }

  // A thread that loses a part of its time calls so much less for each of its locks.
  void add_losses() {
    constexpr double kMostLost = 0.9;
    const auto length_ns = static_cast<double>(record_->length_ns);
    using Calls = std::pair<double, double>;  // seen, and without probes
    std::map<std::uint64_t, Calls> calls;     // by lock
    Calls all;
    for (const auto& [tid, thread] : threads_) {
      window_.busiest_ns = std::max(window_.busiest_ns, thread.passed.ns);
      const double lost = std::min(kMostLost, thread.passed.ns / length_ns);
      for (const auto& [address, count] : thread.calls) {
        const auto seen = static_cast<double>(count);
        for (Calls* const sum : {&calls[address], &all}) {
          sum->first += seen;
          sum->second += seen / (1 - lost);
        }
      }
    }
    for (const auto& [address, of_lock] : calls) {
      LockWindow& lock = window_.locks[address];
      lock.slowed = 1 - of_lock.first / of_lock.second;
      window_.all.asks += lock.asks;
      window_.all.releases += lock.releases;
      window_.all.calls_ns += lock.calls_ns;
    }
    if (all.second > 0) window_.all.slowed = 1 - all.first / all.second;
  }

  [[nodiscard]] bool waits(std::uint32_t tid, std::uint64_t address, SectionCall call) const {
    return std::ranges::any_of(record_->waiting, [&](const WaitingThread& waiting) {
      return waiting.tid == tid && is_word_of(waiting.address, address, call);
    });
  }

  static void note_thread(LockWindow& lock, std::uint32_t tid) {
    if (std::ranges::find(lock.threads, tid) == lock.threads.end()) lock.threads.push_back(tid);
  }

  void drop_the_least() {
    if (window_.locks.size() <= SectionWindow::kMostLocks) return;
    window_.left_out = true;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> by_calls;
    by_calls.reserve(window_.locks.size());
    for (const auto& [address, lock] : window_.locks)
      by_calls.emplace_back(lock.asks + lock.releases, address);
    std::ranges::sort(by_calls, std::greater{});
    for (std::size_t i = SectionWindow::kMostLocks; i < by_calls.size(); ++i)
      window_.locks.erase(by_calls[i].second);
  }

  const SectionRecord* record_;
  const SectionCosts* costs_;
  SectionWindow window_;
  std::map<std::uint32_t, Thread> threads_;
};

}  // namespace

void HolderWindow::add(const HolderWindow& other) {
  acquisitions += other.acquisitions;
  completed += other.completed;
  held_ns += other.held_ns;
  cut_ns += other.cut_ns;
  holds.merge(other.holds);
}

const LockWindow* lock_in(const SectionWindow& window, std::uint64_t address) {
  const auto found = window.locks.find(address);
  return found == window.locks.end() ? nullptr : &found->second;
}

double cold_hits_ns(const SectionRecord& record, const SectionCosts& costs) {
  std::unordered_map<std::uint32_t, std::uint64_t> hits;  // by thread
  for (const SectionEvent& event : record.events) ++hits[event.tid];
  double sum_ns = 0;
  for (const auto& [tid, count] : hits)
    sum_ns += static_cast<double>(count) *
              more_after(record.length_ns / count, costs.cold, &ColdHit::more_ns);
  return sum_ns;
}

SectionWindow sections_in(SectionRecord record, const SectionCosts& costs) {
  std::ranges::sort(record.events, {}, &SectionEvent::time_ns);
  return WindowReader(record, costs).read();
}

}  // namespace cw
