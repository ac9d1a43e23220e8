// Any interval of a recording, as often as wanted, without keeping it: what is kept is where the
// streams begin, one for every few intervals.
#pragma once

#include <cstdint>
#include <ios>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/report.h"
#include "recording/reader.h"

namespace cw {

class RandomAccessReader {
 public:
  // Looks through the recording, at checksums alone: much quicker than reading it.
  explicit RandomAccessReader(RecordingReader reader);

  // The reports that there are, numbered from 1 without gaps.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Whether anything was passed over.
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }
  // One of [1, count()]; quickest in order. Errors: kFailed, it is another file by now, or what is
  // in it makes no sense.
  Result<Report> at(std::uint64_t number);

 private:
  struct Stream {
    std::streamoff place = 0;
    std::uint64_t first = 0;     // number of its first report
    std::uint32_t checksum = 0;  // of that: to know it again
  };

  RecordingReader reader_;
  std::vector<Stream> streams_;
  std::uint64_t count_ = 0;
  bool is_damaged_ = false;
  std::uint64_t here_ = 0;  // number of the report that was read last; 0: none
};

}  // namespace cw
