// Makes a recording: what to write at a file's beginning, and after each report.
#pragma once

#include <string>

#include "model/report.h"
#include "recording/compression.h"
#include "recording/encoder.h"
#include "recording/run.h"

namespace cw {

class RecordingWriter {
 public:
  explicit RecordingWriter(RecordedRun run) : run_(std::move(run)) {}

  [[nodiscard]] static std::string begin();
  // One block, to be written whole before the next.
  std::string add(const Report& report);

 private:
  RecordedRun run_;
  recording::Encoder encoder_;
  recording::Packer packer_;
  std::uint64_t blocks_ = 0;  // since the stream began
};

}  // namespace cw
