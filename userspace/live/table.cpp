#include "live/table.h"

#include <algorithm>
#include <cctype>

#include "live/tables.h"

namespace cw::live {

const char* name_of(Tab tab) {
  switch (tab) {
    case Tab::kLocks:
      return "Locks";
    case Tab::kAllocations:
      return "Allocations";
    case Tab::kMemory:
      return "Memory";
    case Tab::kProcesses:
      return "Processes";
    case Tab::kIdleWaits:
      return "Idle waits";
  }
  return "";
}

std::unique_ptr<Table> table_of(const Report& report, Tab tab) {
  switch (tab) {
    case Tab::kLocks:
      return lock_table(report);
    case Tab::kAllocations:
      return allocation_table(report);
    case Tab::kMemory:
      return memory_table(report);
    case Tab::kProcesses:
      return process_table(report);
    case Tab::kIdleWaits:
      return idle_table(report);
  }
  return lock_table(report);
}

bool is_in(std::string_view text, std::string_view needle) {
  const auto alike = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return !std::ranges::search(text, needle, alike).empty() || needle.empty();
}

}  // namespace cw::live
