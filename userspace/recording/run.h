// What a recording knows of the run it was made by, beside its reports.
#pragma once

#include <cstdint>
#include <string>

namespace cw {

struct RecordedRun {
  std::string version;      // of the program
  std::uint64_t top_n = 0;  // rows that have their stacks and names
  bool with_pid = false;    // processes were chosen by --pid
  bool with_waits = false;  // --waits
  std::string watched;      // the processes, as one would name them: "pid=4242"; empty: all
};

}  // namespace cw
