#include "live/terminal_restore.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <vector>

namespace cw::live {
namespace {

// All that the handler reads; filled before it is armed.
struct Prepared {
  int terminal = -1;
  termios modes{};
  std::array<char, 256> sequence{};
  std::size_t length = 0;
  int errors = -1;
  int kept_errors = -1;
  pid_t process = 0;
};
Prepared prepared;               // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<bool> armed{false};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

// Signals whose default ends a process, except those that ask us to end in order (signals.h) and
// SIGKILL: signal(7).
constexpr std::array kDeadly = {SIGQUIT, SIGILL,    SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                                SIGSEGV, SIGUSR1,   SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ,
                                SIGPROF, SIGVTALRM, SIGSYS,  SIGIO,   SIGPWR,  SIGSTKFLT};

void write_all(int to, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = write(to, bytes, count);
    if (written <= 0) return;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
}

void pass_on_errors() {
  if (prepared.kept_errors < 0) return;
  std::array<char, 512> part{};
  for (ssize_t got = 0; (got = read(prepared.kept_errors, part.data(), part.size())) > 0;)
    write_all(prepared.errors, part.data(), static_cast<std::size_t>(got));
  dup2(prepared.errors, STDERR_FILENO);
}

void give_back_and_die(int signal) {
  if (getpid() == prepared.process && armed.exchange(false)) {
    tcflush(prepared.terminal, TCOFLUSH);  // so that nothing stands in the way of what follows
    write_all(prepared.terminal, prepared.sequence.data(), prepared.length);
    tcsetattr(prepared.terminal, TCSANOW, &prepared.modes);
    pass_on_errors();
  }
  // The default was put back when this was called (SA_RESETHAND): the end is what it would be.
  static_cast<void>(raise(signal));
}

}  // namespace

void arm_restoration(const Restoration& restoration) {
  armed = false;
  prepared.terminal = restoration.terminal;
  prepared.modes = restoration.modes;
  prepared.length = std::min(restoration.sequence.size(), prepared.sequence.size());
  std::copy_n(restoration.sequence.begin(), prepared.length, prepared.sequence.begin());
  prepared.errors = restoration.errors;
  prepared.kept_errors = restoration.kept_errors;
  prepared.process = getpid();
  armed = true;
  struct sigaction action{};
  action.sa_handler = give_back_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK | SA_NODEFER;
  for (const int signal : kDeadly) {
    struct sigaction now{};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
      sigaction(signal, &action, nullptr);
  }
}

void disarm_restoration() {
  armed = false;
  for (const int signal : kDeadly) {
    struct sigaction now{};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == give_back_and_die)
      static_cast<void>(std::signal(signal, SIG_DFL));
  }
}

void use_alternate_signal_stack() {
  static constexpr std::size_t kBytes = std::size_t{64} * 1024;
  static thread_local std::vector<char> stack;
  if (!stack.empty()) return;
  stack.resize(kBytes);
  const stack_t alternate{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = kBytes};
  sigaltstack(&alternate, nullptr);
}

}  // namespace cw::live
