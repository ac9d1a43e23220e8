#include "command.h"

#include <algorithm>
#include <sstream>

#include "child_process.h"

namespace cw::test {

using nlohmann::json;

std::vector<std::string> command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CW_COMMAND);
  return arguments;
}

Ran run(std::vector<std::string> arguments) {
  ChildProcess process(command(std::move(arguments)), true);
  process.close_input();
  Ran ran;
  ran.output = process.read_all();
  ran.errors = process.read_errors();
  ran.exit = process.wait();
  return ran;
}

std::vector<json> reports_in(const std::string& output) {
  std::vector<json> reports;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) reports.push_back(json::parse(line));
  return reports;
}

const json* lock_at(const json& report, std::uint64_t address) {
  for (const json& lock : report.at("locks"))
    if (lock.contains("address") && as_address(lock.at("address")) == address) return &lock;
  return nullptr;
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace cw::test
