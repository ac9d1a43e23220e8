#include "app/waker.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <utility>

namespace cw {
namespace {

Fd catch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  return Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

Waker::Waker(int quit) : signals_(catch_signals()), quit_(quit) {}

void Waker::follow(const std::vector<std::int32_t>& pids) {
  processes_.clear();
  for (const std::int32_t pid : pids) {
    Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process) processes_.push_back(std::move(process));
  }
  follows_ = true;
}

void Waker::sleep_until(Clock::time_point moment) {
  while (!stop_ && !all_ended()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(moment - Clock::now());
    if (left.count() <= 0) return;
    wait_for(left);
  }
}

void Waker::wait_for(std::chrono::milliseconds time) {
  std::vector<pollfd> events{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                             {.fd = quit_, .events = POLLIN, .revents = 0}};
  for (const Fd& process : processes_)
    events.push_back({.fd = process.get(), .events = POLLIN, .revents = 0});
  if (poll(events.data(), events.size(), static_cast<int>(time.count())) <= 0) return;
  stop_ = events[0].revents != 0 || events[1].revents != 0;
  std::size_t place = 2;
  std::erase_if(processes_, [&](const Fd&) { return events[place++].revents != 0; });
}

}  // namespace cw
