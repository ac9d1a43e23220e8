#include "program.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "command.h"

namespace cw::test {

using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string name = fs::temp_directory_path() / "cw-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
  // Programs that run as somebody else go through it.
  fs::permissions(path_, fs::perms::others_exec | fs::perms::others_read, fs::perm_options::add);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string content_of(const std::filesystem::path& file) {
  const std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

int status_of(const std::vector<std::string>& arguments) {
  ChildProcess process(arguments, true);
  process.close_input();
  process.read_all();
  process.read_errors();
  return process.wait();
}

bool succeeds_soon(const std::vector<std::string>& arguments) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (status_of(arguments) != 0) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

json watched(pid_t pid, DebugFiles files, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"--pid",   std::to_string(pid), "-i",  "0.7", "-d",
                                        "1.4",     "--budget",          "100", "-n",  "30",
                                        "--waits", "--format",          "json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const bool all = files == DebugFiles::kAll;
  const Ran ran = run(
      std::move(arguments),
      {"/usr/bin/env", all ? "CONTENTIONWATCH_DEBUG_FILES=" : "CONTENTIONWATCH_DEBUG_FILES=none"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  const auto reports = reports_in(ran.output);
  if (reports.empty()) throw std::runtime_error("no report: " + ran.errors);
  EXPECT_EQ(reports.back().at("fidelity").at("lost").at("stacks"), 0);
  return reports.back();
}

std::vector<json> rows_of(const json& report) {
  std::vector<json> rows;
  for (const char* table : {"locks", "waits"})
    rows.insert(rows.end(), report.at(table).begin(), report.at(table).end());
  return rows;
}

json row_of(const json& report, const std::string& kind, const std::string& name) {
  for (json& row : rows_of(report))
    if (row.at("kind") == kind && row.at("name").get<std::string>().starts_with(name)) return row;
  return nullptr;
}

Functions functions_of(const json& stack) {
  Functions functions;
  for (const json& frame : stack) functions.push_back(frame.at("function"));
  return functions;
}

bool in_order(const Functions& functions, const Functions& parts) {
  auto part = parts.begin();
  for (const std::string& function : functions)
    if (part != parts.end() && function == *part) ++part;
  return part == parts.end();
}

bool waits_in(const json& row, const Functions& parts) {
  return std::ranges::any_of(row.at("waiters"), [&](const json& waiters) {
    return in_order(functions_of(waiters.at("stack")), parts);
  });
}

double complete_share(const json& report) {
  return report.at("fidelity").at("stacks_complete_share");
}

void expect_cut_stacks_are_marked(const json& report) {
  // Libraries without a symbol table do not name it.
  const std::set<std::string> first = {"clone3", "clone", "__clone", "_start", ""};
  bool cut = false;
  for (const json& row : rows_of(report))
    for (const char* side : {"waiters", "releasers"})
      for (const json& entry : row.at(side)) {
        if (entry.at("stack").empty()) continue;
        const std::string outermost = entry.at("stack").back().at("function");
        if (entry.at("stack_complete").get<bool>())
          EXPECT_TRUE(first.contains(outermost) || outermost.starts_with("runtime."))
              << entry.dump(1);
        else
          cut = true;
      }
  EXPECT_TRUE(!cut || complete_share(report) < 1.0) << "what is cut is counted";
}

}  // namespace cw::test
