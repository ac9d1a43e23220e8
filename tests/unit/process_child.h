// A child process that does one thing and then waits to be ended.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "model/fd.h"

namespace cw::test {

class Child {
 public:
  // `work` runs in the child; it calls the function it is given once it is where it should be
  // looked at (or about to be), with a value for the parent.
  using Ready = std::function<void(std::uint64_t)>;
  explicit Child(const std::function<void(const Ready&)>& work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      work([&ends](std::uint64_t value) {
        if (::write(ends[1], &value, sizeof value) != sizeof value) ::_exit(1);
      });
      for (;;) ::pause();
    }
    ::close(ends[1]);
    const Fd reader(ends[0]);
    ready_ = ::read(reader.get(), &value_, sizeof value_) == sizeof value_;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;
  ~Child() { end(); }

  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] std::int32_t pid() const { return pid_; }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
  std::uint64_t value_ = 0;
};

// Asks again until `look` gives something, for at most 10 seconds.
template <typename Look>
auto eventually(const Look& look) {
  using namespace std::chrono_literals;
  const auto end = std::chrono::steady_clock::now() + 10s;
  auto seen = look();
  while (!seen && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
    seen = look();
  }
  return seen;
}

}  // namespace cw::test
