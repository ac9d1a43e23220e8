#include "live/terminfo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "output/layout.h"

// Last: term.h defines macros with names like those of functions.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>

namespace cw::live {

std::string capability(const char* name) {
  const char* const text = tigetstr(const_cast<char*>(name));
  // (char*)-1: no such string; compared as a number.
  const bool has = text != nullptr && reinterpret_cast<std::intptr_t>(text) != -1;
  return has ? text : "";
}

Result<void> terminal_draws() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return fail(Exit::kUsage,
                "--format tui takes a terminal, but standard input or output is redirected");
  const char* const name = std::getenv("TERM");
  if (name == nullptr || *name == '\0')
    return fail(Exit::kUsage, "no live view: TERM is not set, so what the terminal can is unknown");
  const std::string shown = cut(printable(name), 40);
  int status = 0;
  if (setupterm(nullptr, STDOUT_FILENO, &status) != OK)
    return fail(Exit::kUsage,
                fmt::format("no live view: no terminal called '{}' (TERM) is known here; try "
                            "TERM=xterm",
                            shown));
  const bool moves = !capability("cup").empty() && !capability("clear").empty();
  del_curterm(cur_term);
  if (!moves)
    return fail(Exit::kUsage,
                fmt::format("no live view: a '{}' terminal (TERM) cannot move its cursor", shown));
  return {};
}

}  // namespace cw::live
