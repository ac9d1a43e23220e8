// Errors cross module borders as values: one line for people and the exit code it leads to.
#pragma once

#include <expected>
#include <string>

namespace cw {

// The contract's exit codes.
enum class Exit : int {
  kDone = 0,
  kFailed = 1,      // a failure at run time
  kUsage = 2,       // wrong usage
  kNotAllowed = 3,  // the kernel or the rights do not allow it
  kNoProcess = 4,   // no such process, or it ended before anything was seen
  kVerdict = 10,    // --fail-on was reached
};

struct Error {
  Exit exit = Exit::kFailed;
  std::string message;  // one line, says what is wrong and how to mend it
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Exit exit, std::string message) {
  return std::unexpected<Error>(Error{exit, std::move(message)});
}

}  // namespace cw
