// Keeps what is written to standard error away from the screen, and passes it on at the end.
#pragma once

#include <string>
#include <vector>

#include "model/fd.h"

namespace cw::live {

// One that is no terminal is left alone: it harms no screen.
class ErrorKeeper {
 public:
  ErrorKeeper();
  ErrorKeeper(const ErrorKeeper&) = delete;
  ErrorKeeper& operator=(const ErrorKeeper&) = delete;
  // Standard error is what it was, and has all that was kept.
  ~ErrorKeeper();

  [[nodiscard]] int fd() const { return reading_.get(); }  // -1: left alone
  [[nodiscard]] int as_it_was() const { return before_.get(); }
  // The lines that came since the last call. Of all, the last kBytes are passed on.
  std::vector<std::string> take();

  static constexpr std::size_t kBytes = std::size_t{64} * 1024;

 private:
  Fd before_;
  Fd reading_;
  std::string kept_;
  std::string line_;  // not ended yet
};

}  // namespace cw::live
