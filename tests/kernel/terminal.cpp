#include "terminal.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace cw::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kStep = milliseconds(50);

}  // namespace

PseudoTerminal::PseudoTerminal(unsigned short columns, unsigned short lines) {
  const winsize size{.ws_row = lines, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  int slave = -1;
  if (openpty(&master, &slave, nullptr, nullptr, &size) != 0) throw std::runtime_error("no pty");
  master_ = Fd(master);
  slave_ = Fd(slave);
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ <= 0 || has_ended()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void PseudoTerminal::start(const std::vector<std::string>& arguments, const std::string& type) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing running
  close(master_.get());
  static_cast<void>(std::signal(SIGPIPE, SIG_DFL));
  setenv("TERM", type.c_str(), 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  unsetenv("NO_COLOR");
  unsetenv("LINES");
  unsetenv("COLUMNS");
  login_tty(slave_.get());
  execv(pointers[0], pointers.data());
  _exit(127);
}

void PseudoTerminal::type(const std::string& keys) const {
  if (write(master_.get(), keys.data(), keys.size()) < 0)
    throw std::runtime_error("the terminal takes no keys");
}

void PseudoTerminal::resize(unsigned short columns, unsigned short lines) const {
  const winsize size{.ws_row = lines, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(master_.get(), TIOCSWINSZ, &size);
}

void PseudoTerminal::send(int signal) const {
  kill(pid_, signal);
}

void PseudoTerminal::hang_up() {
  slave_.reset();
  master_.reset();
}

void PseudoTerminal::read_for(milliseconds time) {
  if (!master_) {
    std::this_thread::sleep_for(time);
    return;
  }
  pollfd output{.fd = master_.get(), .events = POLLIN, .revents = 0};
  if (poll(&output, 1, static_cast<int>(time.count())) <= 0) return;
  std::array<char, 8192> part{};
  const ssize_t got = read(master_.get(), part.data(), part.size());
  if (got > 0) written_.append(part.data(), static_cast<std::size_t>(got));
}

bool PseudoTerminal::shows(const std::string& text) {
  for (const auto end = Clock::now() + kPatience; Clock::now() < end; read_for(kStep)) {
    const std::size_t at = written_.find(text, found_);
    if (at == std::string::npos) continue;
    found_ = at + text.size();
    return true;
  }
  return false;
}

bool PseudoTerminal::has_ended() {
  int status = 0;
  if (status_ < 0 && waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_ >= 0;
}

int PseudoTerminal::wait() {
  for (const auto end = Clock::now() + 2 * kPatience; Clock::now() < end && !has_ended();)
    read_for(kStep);
  for (std::size_t before = written_.size() + 1; before != written_.size();) {
    before = written_.size();
    read_for(kStep);
  }
  return status_;
}

int PseudoTerminal::wait_without_reading() {
  for (const auto end = Clock::now() + 2 * kPatience; Clock::now() < end && !has_ended();)
    std::this_thread::sleep_for(kStep);
  return status_;
}

termios PseudoTerminal::modes() const {
  termios modes{};
  tcgetattr(slave_.get(), &modes);
  return modes;
}

bool operator==(const termios& one, const termios& other) {
  return one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag &&
         one.c_cflag == other.c_cflag && one.c_lflag == other.c_lflag &&
         std::ranges::equal(one.c_cc, other.c_cc);
}

}  // namespace cw::test
