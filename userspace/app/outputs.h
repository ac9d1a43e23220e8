// Where reports go: standard output, a file beside it, and other tools.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "app/exports.h"
#include "app/live_output.h"
#include "app/output_file.h"
#include "app/recording_file.h"
#include "app/settings.h"

namespace cw {

bool wants_color(Color color);

class Outputs {
 public:
  // Opens the files now: an unwritable one is an error before anything is attached.
  // `run`: as the reports are of.
  static Result<Outputs> open(const Settings& settings, RecordedRun run);
  // Call it once rights were dropped, before the first report.
  Result<void> start();
  // Writes and flushes the report everywhere. Errors: kFailed (closed pipe, full disk).
  Result<void> write(Report report);
  // Where the last report is missing: what is written after it.
  Result<void> finish() { return exports_.finish(); }
  // Whether anything is written besides what is printed, or shown.
  [[nodiscard]] bool write_files() const { return json_ || recording_ || !exports_.empty(); }
  // Can be read once the user wants to end; -1: there is no such place.
  [[nodiscard]] int quit_fd() const { return live_ ? live_->quit_fd() : -1; }

 private:
  [[nodiscard]] Result<void> print(const Report& report);
  void show(Report report);

  Settings settings_;
  RecordedRun run_;
  bool color_ = false;
  std::size_t width_ = 80;
  OutputFile standard_output_ = OutputFile::standard_output();
  std::unique_ptr<LiveOutput> live_;  // in the place of standard output; a replay has its own
  std::optional<OutputFile> json_;
  std::optional<RecordingFile> recording_;
  Exports exports_;
};

}  // namespace cw
