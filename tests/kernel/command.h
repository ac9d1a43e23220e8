// The command as a user types it, and what it printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cw::test {

struct Ran {
  int exit = -1;
  std::string output;
  std::string errors;
};

// The command line of our program with these arguments, for ChildProcess.
std::vector<std::string> command(std::vector<std::string> arguments);
// Runs it to its end.
Ran run(std::vector<std::string> arguments);

// One report a line.
std::vector<nlohmann::json> reports_in(const std::string& output);
// The row of the lock at an address; null when there is none.
const nlohmann::json* lock_at(const nlohmann::json& report, std::uint64_t address);

std::size_t lines_in(const std::string& text);

}  // namespace cw::test
