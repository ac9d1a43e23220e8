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
// Runs it to its end. `run_by`: a command that runs it in its stead, such as setpriv.
Ran run(std::vector<std::string> arguments, std::vector<std::string> run_by = {});

inline const std::vector<std::string> kAsAnotherUser = {"/usr/bin/setpriv", "--reuid=1000",
                                                        "--regid=1000", "--clear-groups"};

// One report a line.
std::vector<nlohmann::json> reports_in(const std::string& output);
// The row of the lock at an address; null when there is none.
const nlohmann::json* lock_at(const nlohmann::json& report, std::uint64_t address);

// Over all rows, of locks and of idle waits; for reports made with --waits.
std::uint64_t all_waits(const std::vector<nlohmann::json>& reports);

std::size_t lines_in(const std::string& text);

}  // namespace cw::test
