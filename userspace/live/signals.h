// The signals that are about the terminal, or that ask for an end, as values to be waited for.
#pragma once

#include <array>
#include <csignal>
#include <vector>

#include "model/error.h"
#include "model/fd.h"

namespace cw::live {

// One at a time. Signals that are blocked are left to who blocked them.
class Signals {
 public:
  // Handles SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGINT and SIGTERM until it goes out of scope, when
  // SIGHUP is ignored and the others are what they were.
  static Result<Signals> handle();
  Signals(Signals&&) = default;
  Signals& operator=(Signals&&) = delete;
  ~Signals();

  // Can be read when there are some.
  [[nodiscard]] int fd() const { return reading_.get(); }
  // Those that came since the last call.
  [[nodiscard]] std::vector<int> take() const;
  // Stops the process as SIGTSTP would have; returns when it goes on.
  static void stop_ourselves();

 private:
  Signals() = default;

  Fd reading_;
  Fd writing_;
};

}  // namespace cw::live
