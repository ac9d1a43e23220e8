// What the terminal can do, by its description (terminfo(5)).
#pragma once

#include <string>

#include "model/error.h"

namespace cw::live {

// Whether standard input and output are a terminal that can be drawn on. Errors: kUsage; one line
// says why not.
Result<void> terminal_draws();

// A string of the current terminal's description, by its short name: "rmcup". Empty: it has none.
std::string capability(const char* name);

}  // namespace cw::live
