#include "live/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace cw::live {
namespace {

constexpr std::array kHandled = {SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGINT, SIGTERM};

std::atomic<int> pipe_end{-1};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
// As they were before, in kHandled's order.
std::array<struct sigaction, kHandled.size()> handled_before;  // NOLINT

void tell(int signal) {
  const int error = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe holds all there is to know.
  static_cast<void>(!write(pipe_end.load(), &byte, 1));
  errno = error;
}

struct sigaction telling() {
  struct sigaction action{};
  action.sa_handler = tell;
  action.sa_flags = SA_RESTART;
  return action;
}

}  // namespace

Result<Signals> Signals::handle() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return fail(Exit::kFailed, std::string("no pipe for signals: ") + std::strerror(errno));
  Signals signals;
  signals.reading_ = Fd(ends[0]);
  signals.writing_ = Fd(ends[1]);
  pipe_end = ends[1];
  const struct sigaction action = telling();
  for (std::size_t i = 0; i < kHandled.size(); ++i)
    sigaction(kHandled[i], &action, &handled_before[i]);
  return signals;
}

Signals::~Signals() {
  if (!reading_) return;  // moved from
  for (std::size_t i = 0; i < kHandled.size(); ++i)
    sigaction(kHandled[i], &handled_before[i], nullptr);
  // That a terminal is gone is read from it before its signal comes, which is to end nobody then.
  static_cast<void>(std::signal(SIGHUP, SIG_IGN));
  pipe_end = -1;
}

std::vector<int> Signals::take() const {
  std::array<unsigned char, 64> bytes{};
  const ssize_t got = read(fd(), bytes.data(), bytes.size());
  if (got <= 0) return {};
  return {bytes.begin(), bytes.begin() + got};
}

// In a process group without a shell that could let it go on, the default is to ignore this signal.
void Signals::stop_ourselves() {
  struct sigaction ours{};
  struct sigaction normal{};
  normal.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &normal, &ours);
  static_cast<void>(raise(SIGTSTP));
  sigaction(SIGTSTP, &ours, nullptr);
}

}  // namespace cw::live
