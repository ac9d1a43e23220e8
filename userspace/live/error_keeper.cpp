#include "live/error_keeper.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

namespace cw::live {

ErrorKeeper::ErrorKeeper() {
  if (isatty(STDERR_FILENO) == 0) return;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
  reading_ = Fd(ends[0]);
  const Fd writing(ends[1]);
  before_ = Fd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  static_cast<void>(std::fflush(stderr));
  if (!before_ || dup2(writing.get(), STDERR_FILENO) < 0) reading_.reset();
}

ErrorKeeper::~ErrorKeeper() {
  if (!reading_) return;
  static_cast<void>(std::fflush(stderr));
  take();
  dup2(before_.get(), STDERR_FILENO);
  static_cast<void>(!write(STDERR_FILENO, kept_.data(), kept_.size()));
}

std::vector<std::string> ErrorKeeper::take() {
  std::vector<std::string> lines;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(reading_.get(), part.data(), part.size())) > 0;) {
    kept_.append(part.data(), static_cast<std::size_t>(got));
    for (ssize_t i = 0; i < got; ++i) {
      const char letter = part.at(static_cast<std::size_t>(i));
      if (letter == '\n')
        lines.push_back(std::exchange(line_, {}));
      else if (line_.size() < 512)
        line_ += letter;
    }
  }
  if (kept_.size() > kBytes) kept_.erase(0, kept_.size() - kBytes);
  return lines;
}

}  // namespace cw::live
