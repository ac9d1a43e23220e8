// Real programs under the real command, and questions to its reports.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "child_process.h"

namespace cw::test {

using Functions = std::vector<std::string>;

// A folder of its own that goes away with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& file);

// Runs a program that ends by itself, and returns its exit status.
int status_of(const std::vector<std::string>& arguments);
// Whether that succeeds within ten seconds: a server answers once it has started.
bool succeeds_soon(const std::vector<std::string>& arguments);

// Where separate debug files may be looked for.
enum class DebugFiles : std::uint8_t { kAll, kNone };

// The last report of a second and a half with every stack taken and idle waits listed.
nlohmann::json watched(pid_t pid, DebugFiles files = DebugFiles::kAll,
                       const std::vector<std::string>& more = {});

// The rows of both tables.
std::vector<nlohmann::json> rows_of(const nlohmann::json& report);
// The first row of this kind whose name begins like this; null when there is none.
nlohmann::json row_of(const nlohmann::json& report, const std::string& kind,
                      const std::string& name = "");

Functions functions_of(const nlohmann::json& stack);
// Whether `parts` are in `functions` in this order, whatever is between them.
bool in_order(const Functions& functions, const Functions& parts);
// Whether somebody waits for the row's object with these functions on the stack, innermost first.
bool waits_in(const nlohmann::json& row, const Functions& parts);

// Of the waiting, that many stacks lead to the first function of their thread.
constexpr double kNearlyAll = 0.99;
double complete_share(const nlohmann::json& report);
// Every stack shown either ends where threads begin or says that it was cut.
void expect_cut_stacks_are_marked(const nlohmann::json& report);

}  // namespace cw::test
