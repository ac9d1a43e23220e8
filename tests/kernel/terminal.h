// A terminal of a test's own (pty(7)): what is typed into it, and all that was written to it.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "model/fd.h"

namespace cw::test {

class PseudoTerminal {
 public:
  explicit PseudoTerminal(unsigned short columns = 80, unsigned short lines = 24);
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;
  // Ends the program if it still runs.
  ~PseudoTerminal();

  // Starts a program on it, as the leader of a session, in UTF-8.
  void start(const std::vector<std::string>& arguments, const std::string& type = "xterm-256color");
  [[nodiscard]] pid_t pid() const { return pid_; }

  void type(const std::string& keys) const;
  void resize(unsigned short columns, unsigned short lines) const;
  void send(int signal) const;
  // Nobody sits there any longer.
  void hang_up();

  // Whether this is written within half a minute, after what earlier calls found; then the position
  // behind it is remembered.
  bool shows(const std::string& text);
  // Exit status as a shell has it, once all that was written is read; -1: not within a minute.
  int wait();
  // The same for one whose terminal nobody reads.
  int wait_without_reading();
  [[nodiscard]] const std::string& written() const { return written_; }
  [[nodiscard]] termios modes() const;

 private:
  void read_for(std::chrono::milliseconds time);
  bool has_ended();

  Fd master_;
  Fd slave_;  // kept open: modes outlive the program
  pid_t pid_ = -1;
  int status_ = -1;
  std::string written_;
  std::size_t found_ = 0;
};

bool operator==(const termios& one, const termios& other);

}  // namespace cw::test
