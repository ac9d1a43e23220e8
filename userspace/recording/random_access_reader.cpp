#include "recording/random_access_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace cw {

RandomAccessReader::RandomAccessReader(RecordingReader reader) : reader_(std::move(reader)) {
  while (reader_.skip()) {
    ++count_;
    const std::streamoff place = reader_.stream_place();
    if (streams_.empty() || streams_.back().place != place)
      streams_.push_back({.place = place, .first = count_, .checksum = reader_.checksum()});
  }
  is_damaged_ = reader_.is_damaged();
}

Result<Report> RandomAccessReader::at(std::uint64_t number) {
  const Stream& stream = *std::prev(std::ranges::upper_bound(streams_, number, {}, &Stream::first));
  const bool is_ahead = here_ >= stream.first && here_ < number;
  if (!is_ahead) here_ = stream.first - 1;
  if (is_ahead || reader_.go_to(stream.place))
    while (auto report = reader_.next()) {
      const bool is_first = ++here_ == stream.first;
      if (reader_.stream_place() != stream.place) break;
      if (is_first && reader_.checksum() != stream.checksum) break;
      if (here_ == number) return std::move(*report);
    }
  here_ = 0;
  return fail(Exit::kFailed,
              fmt::format("interval {} cannot be read: {} was changed, or is no work of ours",
                          number, reader_.name()));
}

}  // namespace cw
