// Which processes are meant: those named by number, with their descendants or without; those whose
// name and control group fit; or all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "model/snapshot.h"
#include "process/control_group.h"

namespace cw {

class Selection {
 public:
  // Errors: kNoProcess when a process or a control group that was named is not there.
  static Result<Selection> from(const Settings& settings);

  // What a process is that the hooks meet for the first time.
  [[nodiscard]] Watched newcomers() const;
  // Whether a child is what its parent is.
  [[nodiscard]] bool follows_forks() const { return children_ || by_property(); }
  // It is over when the last of its processes has ended; otherwise more may come.
  [[nodiscard]] bool can_end() const { return !pids_.empty(); }
  [[nodiscard]] bool is_whole_machine() const { return pids_.empty() && !by_property(); }

  // The processes that were named by number.
  [[nodiscard]] const std::vector<std::int32_t>& named() const { return pids_; }
  // Every process that is meant and runs now; empty for the whole machine.
  [[nodiscard]] std::vector<std::int32_t> members() const;
  // Where processes may come in without a hook to see it, the candidates: all in the control group.
  [[nodiscard]] std::vector<std::int32_t> candidates() const;
  [[nodiscard]] bool includes(std::int32_t pid) const;
  // For a process that has ended; empty when its name alone does not tell.
  [[nodiscard]] std::optional<bool> included(const std::string& comm) const;
  // Descendants of the named processes that are not meant.
  [[nodiscard]] std::vector<std::int32_t> left_out() const;

 private:
  [[nodiscard]] bool by_property() const { return !comm_.empty() || group_.has_value(); }
  [[nodiscard]] bool has_name(std::int32_t pid) const;

  std::vector<std::int32_t> pids_;
  bool children_ = false;
  std::string comm_;
  std::optional<ControlGroup> group_;
};

}  // namespace cw
