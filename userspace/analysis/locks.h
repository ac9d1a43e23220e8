// The numbers of one lock in one interval.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analysis/interval.h"
#include "analysis/objects.h"
#include "model/report.h"

namespace cw {

// Waiting from one stack, not yet named.
struct WaitRow {
  ImageId image = 0;
  StackId stack = 0;
  std::string mode;
  std::uint64_t waits = 0;
  std::uint64_t wait_ns = 0;  // completed, and the part in the interval of those in progress
};

// Wakes from one stack, not yet named.
struct WakeRow {
  ImageId image = 0;
  StackId stack = 0;
  std::uint64_t wakes = 0;
  std::uint64_t charged_ns = 0;
};

// A LockReport in the making, with what only its making needs.
struct Lock {
  LockReport report;
  WordKey key;
  std::size_t words = 0;
  std::vector<WordId> word_ids;
  std::vector<WordKey> word_keys;
  std::string own;            // the function that waits most, short; empty: not known
  bool names_itself = false;  // what it is serves as a name
  bool notes_no_owner = false;
  bool polls = false;  // its waiters time out and wait again
  bool sure = false;
  bool behaves_like_lock = false;  // for kinds that are not sure
  bool deadlocked = false;         // a proven cycle of threads waits for it
  bool spans_interval = false;     // every wait began before the interval and lasts beyond it
  ImageId image = 0;               // a process that waited on it
  std::map<ImageId, std::int32_t> images;  // all of those, with their pids
  std::uint16_t op = 0;
  std::vector<WaitRow> waiters;    // longest first
  std::vector<WakeRow> releasers;  // most charged first
  // Mean threads waiting less runnable, by process.
  std::map<std::int32_t, double> waiting_by_pid;

  // What levels go by: waiting is the lock's doing only while the thread was not runnable.
  [[nodiscard]] double net_waiters() const;
  [[nodiscard]] double net_busy() const;
};

double share_of(std::uint64_t part, std::uint64_t whole);  // 0 of nothing

// `sites`: as the words were grouped with.
Lock measure(const LockObject& object, const Interval& interval, const SiteKinds* sites = nullptr);

}  // namespace cw
