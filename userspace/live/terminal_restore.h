// Gives the terminal back when a signal ends us: SIGSEGV, SIGABRT, SIGQUIT and all others whose
// default is to end a process. Only what POSIX allows in a signal handler is done there.
#pragma once

#include <termios.h>

#include <string>

namespace cw::live {

struct Restoration {
  int terminal = 1;      // descriptor
  termios modes{};       // to set again
  std::string sequence;  // to write; at most 256 bytes
  int errors = -1;       // standard error as it was; -1: it was left alone
  int kept_errors = -1;  // what was written to it since, to be read from here without blocking
};

// Arms the handlers, for signals that nobody handles or blocks. Of this process alone: a child that
// was forked ends as it would have.
void arm_restoration(const Restoration& restoration);
// The terminal was given back.
void disarm_restoration();

// So that a thread whose stack is used up can still run a handler. Once for each thread.
void use_alternate_signal_stack();

}  // namespace cw::live
