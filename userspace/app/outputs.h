// Where reports go: standard output, a file beside it, and other tools.
#pragma once

#include <cstddef>
#include <optional>

#include "app/exports.h"
#include "app/output_file.h"
#include "app/settings.h"

namespace cw {

bool wants_color(Color color);

class Outputs {
 public:
  // Opens the files now: an unwritable one is an error before anything is attached.
  static Result<Outputs> open(const Settings& settings);
  // Call it once rights were dropped, before the first report.
  Result<void> start() { return exports_.start(); }
  // Writes and flushes the report everywhere. Errors: kFailed (closed pipe, full disk).
  Result<void> write(const Report& report);

 private:
  Settings settings_;
  bool color_ = false;
  std::size_t width_ = 80;
  OutputFile standard_output_ = OutputFile::standard_output();
  std::optional<OutputFile> json_;
  Exports exports_;
};

}  // namespace cw
