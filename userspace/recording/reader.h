// Reads a recording, from a file that may be cut off, damaged or anybody's.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "model/error.h"
#include "model/report.h"
#include "recording/block.h"
#include "recording/compression.h"
#include "recording/decoder.h"
#include "recording/run.h"

namespace cw {

class RecordingReader {
 public:
  // `name`: as errors have it. Errors: kFailed (no recording, one of a newer version).
  static Result<RecordingReader> open(std::unique_ptr<std::istream> stream, std::string name);

  // The next report; empty at the end. What is damaged is passed over, up to where it can be read
  // again.
  std::optional<Report> next();
  // Of the report that was read last.
  [[nodiscard]] const RecordedRun& run() const { return run_; }
  // After the end: what is missing, one line. Empty: nothing.
  [[nodiscard]] std::string missing() const;
  // Whether anything was passed over.
  [[nodiscard]] bool is_damaged() const { return damage_ != Found::kEnd; }
  [[nodiscard]] const std::string& name() const { return name_; }

  // Passes over the next report, looking at no more than its checksum; false at the end. Then only
  // go_to() leads to reports again.
  bool skip();
  // Of the report that was read or passed over last.
  [[nodiscard]] std::uint32_t checksum() const { return checksum_; }
  // Where the stream begins that it is in: from there on, everything can be read again.
  [[nodiscard]] std::streamoff stream_place() const { return stream_place_; }
  // Goes to such a place. False: the file cannot be gone back in.
  bool go_to(std::streamoff stream_place);

 private:
  RecordingReader(std::unique_ptr<std::istream> stream, std::string name)
      : stream_(std::move(stream)), name_(std::move(name)) {}

  enum class Found : std::uint8_t { kReport, kEnd, kCut, kDamaged };
  // `report`: null where it is passed over.
  bool advance(Report* report);
  Found read_block(Report* report);
  bool is_whole(const recording::BlockHeader& header, const std::string& payload) const;
  bool decode(const recording::BlockHeader& header, const std::string& payload, Report& report);
  // Goes to where reading can begin again, at `place_` or behind it.
  bool find_beginning();
  void note(const Report& report);

  std::unique_ptr<std::istream> stream_;
  std::string name_;
  recording::Unpacker unpacker_;
  recording::Decoder decoder_;
  RecordedRun run_;
  std::streamoff place_ = recording::kFileHeaderSize;  // of what comes next, in the file
  std::streamoff stream_place_ = recording::kFileHeaderSize;
  std::uint32_t checksum_ = 0;
  bool continues_ = false;  // the block before was read
  std::uint64_t last_interval_ = 0;
  bool is_final_ = false;
  Found damage_ = Found::kEnd;  // the first
  std::uint64_t damaged_after_ = 0;
  std::uint64_t left_out_ = 0;  // intervals, between those that were read
};

}  // namespace cw
