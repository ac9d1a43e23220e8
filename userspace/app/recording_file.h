// The file of --record, and of replay.
#pragma once

#include <string>

#include "app/output_file.h"
#include "model/report.h"
#include "recording/reader.h"
#include "recording/writer.h"

namespace cw {

class RecordingFile {
 public:
  // Made, or emptied. Errors: kFailed.
  static Result<RecordingFile> open(const std::string& name, RecordedRun run);
  // What was written before stays readable, whatever becomes of this. Errors: kFailed (full disk).
  Result<void> write(const Report& report);

 private:
  RecordingFile(OutputFile file, RecordedRun run)
      : file_(std::move(file)), recording_(std::move(run)) {}

  OutputFile file_;
  RecordingWriter recording_;
};

// Errors: kFailed (cannot be read, is no recording).
Result<RecordingReader> open_recording(const std::string& name);

}  // namespace cw
