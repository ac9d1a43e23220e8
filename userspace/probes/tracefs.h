// Numbers of tracepoints, read from a tracefs of our own that is mounted nowhere: the machine's
// mount table stays as it is, whether tracefs is mounted or not.
#pragma once

#include <optional>
#include <string>

#include "model/error.h"
#include "model/fd.h"

namespace cw {

class Tracefs {
 public:
  // Needs CAP_SYS_ADMIN and fsopen(2) (Linux 5.2). Falls back to /sys/kernel/tracing. On errors,
  // errno is the reason.
  static Result<Tracefs> open();

  // The number perf_event_open(2) wants, e.g. of "syscalls/sys_enter_futex"; empty when this kernel
  // has no such event.
  [[nodiscard]] std::optional<std::uint64_t> event_id(const std::string& event) const;

 private:
  explicit Tracefs(Fd root) : root_(std::move(root)) {}
  Fd root_;
};

}  // namespace cw
