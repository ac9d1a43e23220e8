// What ends a wait: the time, SIGINT or SIGTERM, the user of the live view, or the end of the
// processes it follows.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "model/fd.h"

namespace cw {

class Waker {
 public:
  using Clock = std::chrono::steady_clock;

  // SIGINT and SIGTERM ask for an end from now on; they arrive here instead of ending us.
  // `quit`: a descriptor that can be read when the user wants to end; -1: none.
  explicit Waker(int quit);

  void follow(const std::vector<std::int32_t>& pids);
  // Returns sooner once it is stopped(), or all_ended().
  void sleep_until(Clock::time_point moment);
  // Without sleeping.
  void look() { wait_for(std::chrono::milliseconds(0)); }

  [[nodiscard]] bool stopped() const { return stop_; }
  [[nodiscard]] bool all_ended() const { return follows_ && processes_.empty(); }

 private:
  void wait_for(std::chrono::milliseconds time);

  Fd signals_;
  int quit_;
  std::vector<Fd> processes_;
  bool follows_ = false;
  bool stop_ = false;
};

}  // namespace cw
