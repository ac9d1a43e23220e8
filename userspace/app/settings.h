// What the user asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/thresholds.h"
#include "export/listen_address.h"
#include "model/error.h"
#include "model/report.h"
#include "probes/lock_probes.h"

namespace cw {

enum class Command : std::uint8_t { kWatch, kDemo, kDoctor };
enum class Format : std::uint8_t { kText, kJson };
enum class Color : std::uint8_t { kAuto, kAlways, kNever };

enum class AllocMode : std::uint8_t {
  kBurst,  // probes in short windows, held to the budget
  kFull,   // probes that stay, whatever they cost
  kOff,
};

struct Settings {
  Command command = Command::kWatch;
  // Which processes: those of `pids`, or those that `comm` and `cgroup` both fit where they are not
  // empty, or the whole machine.
  std::vector<std::int32_t> pids;
  bool children = false;  // of `pids`, with theirs
  std::string comm;       // glob(7)
  std::string cgroup;     // path below a cgroup mount, or in the hierarchy
  double interval_s = 5;
  std::optional<double> duration_s;  // empty: until a signal
  std::size_t top_n = 10;
  bool with_waits = false;
  Observed observe;
  double budget_pct = 1;
  // Of the budget, what each of the two gets that cost the observed something beyond counting: the
  // stacks of locks, and the windows on allocators.
  [[nodiscard]] double part_of_budget() const {
    return observe.locks && observe.alloc && alloc_mode != AllocMode::kOff ? 0.5 : 1;
  }
  AllocMode alloc_mode = AllocMode::kBurst;
  HookSet hooks = HookSet::kAutomatic;
  Thresholds thresholds;
  Format format = Format::kText;
  Color color = Color::kAuto;
  std::string json_file;
  std::string textfile;
  std::optional<ListenAddress> listen;
  std::string folded_prefix;  // of the file's name; empty: not asked for
  std::string speedscope_prefix;
  std::string flamegraph_prefix;
  std::string pprof_prefix;
  std::optional<Level> fail_on;
  bool demo_fixed = false;
};

// Reads the command line and the config file. An empty `settings` means that help or the version
// was asked for and is in `text`.
struct CommandLine {
  std::optional<Settings> settings;
  std::string text;
};
Result<CommandLine> parse_command_line(int count, const char* const* arguments);

}  // namespace cw
