// Keeps track of which processes are watched while they come, change their names and go.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/selection.h"
#include "probes/lock_probes.h"
#include "process/unwind_files.h"

namespace cw {

class WatchedProcesses {
 public:
  WatchedProcesses(Selection selection, LockProbes& probes, UnwindFiles& files)
      : selection_(std::move(selection)), probes_(&probes), files_(&files) {}

  // Before the hooks are attached: the processes that were named.
  Result<void> watch_named();
  // Afterwards: who else is meant and who waits already.
  Result<void> begin();
  // Decides about those that came since; to be called a few times in each interval.
  Result<void> refresh();
  // For an image whose process nobody decided about before it ended or before a snapshot.
  [[nodiscard]] bool belongs(const Image& image) const;

  // Alive, in the order of their numbers.
  [[nodiscard]] const std::vector<KnownProcess>& now() const { return now_; }
  [[nodiscard]] const Selection& selection() const { return selection_; }
  // What of theirs the hooks cannot see, and why; empty: nothing.
  [[nodiscard]] const std::string& not_seen() const { return not_seen_; }

 private:
  Result<void> forget_ended();
  Result<void> watch(std::int32_t pid);
  Result<void> welcome(std::int32_t pid);

  Selection selection_;
  LockProbes* probes_;
  UnwindFiles* files_;
  std::vector<KnownProcess> now_;
  std::map<std::int32_t, std::uint32_t> welcomed_;  // generation by pid
  std::string not_seen_;
  bool begun_ = false;
};

}  // namespace cw
