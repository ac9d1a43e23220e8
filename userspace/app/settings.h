// What the user asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/thresholds.h"
#include "app/otlp_settings.h"
#include "export/listen_address.h"
#include "model/error.h"
#include "model/report.h"
#include "probes/alloc_probes.h"
#include "probes/lock_probes.h"
#include "recording/run.h"

namespace cw {

enum class Command : std::uint8_t { kWatch, kDemo, kDoctor, kReplay };
enum class Format : std::uint8_t { kText, kJson, kTui };
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
  bool children = false;             // of `pids`, with theirs
  std::string comm;                  // glob(7)
  std::string cgroup;                // path below a cgroup mount, or in the hierarchy
  double interval_s = 5;             // of the live view: 1
  std::optional<double> duration_s;  // empty: until a signal
  std::size_t top_n = 10;
  bool top_chosen = false;  // by --top
  bool with_waits = false;
  // A recording has them, whether or not the reports at hand show them.
  [[nodiscard]] bool names_idle_waits() const { return with_waits || !record_file.empty(); }
  bool explain = false;  // the formulas, with their numbers
  Observed observe;
  double budget_pct = 1;
  // Of the budget, what each of the two gets that cost the observed something beyond counting: the
  // stacks of locks, and the windows on allocators and critical sections, which share it by halves
  // where a process has both.
  [[nodiscard]] double part_of_budget() const { return observe.locks ? 0.5 : 1; }
  AllocMode alloc_mode = AllocMode::kBurst;
  HookSet hooks = HookSet::kAutomatic;
  UprobeWay uprobes = UprobeWay::kAutomatic;
  Thresholds thresholds;
  Format format = Format::kText;
  std::string remark;  // to be said first: why the format is not the one to be expected
  Color color = Color::kAuto;
  std::string json_file;
  std::string record_file;
  std::string textfile;
  std::optional<ListenAddress> listen;
  std::optional<OtlpSettings> otlp;
  std::string folded_prefix;  // of the file's name; empty: not asked for
  std::string speedscope_prefix;
  std::string flamegraph_prefix;
  std::string pprof_prefix;
  std::optional<Level> fail_on;
  bool demo_fixed = false;
  std::string demo_design;  // of the bundled service; empty: as it grew, or fixed
  std::string recording;    // that is replayed

  // What a recording of it says, and what shapes its outputs.
  [[nodiscard]] RecordedRun run() const;
};

// Reads the command line and the config file. An empty `settings` means that help or the version
// was asked for and is in `text`.
struct CommandLine {
  std::optional<Settings> settings;
  std::string text;
};
Result<CommandLine> parse_command_line(int count, const char* const* arguments);

}  // namespace cw
