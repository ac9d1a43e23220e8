#include "recording/reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace cw {

using recording::BlockHeader;

namespace {

constexpr std::size_t kLookedThrough = 1U << 16U;  // at once, for a block's mark

// Up to `size` bytes: fewer where the stream ends.
std::string read_some(std::istream& stream, std::size_t size) {
  constexpr std::size_t kStep = 1U << 20U;  // a header may promise more than there is
  std::string text;
  while (text.size() < size) {
    const std::size_t before = text.size();
    text.resize(std::min(size, before + kStep));
    stream.read(text.data() + before, static_cast<std::streamsize>(text.size() - before));
    const auto got = static_cast<std::size_t>(stream.gcount());
    text.resize(before + got);
    if (got == 0) break;
  }
  return text;
}

std::string after(std::uint64_t interval) {
  return interval == 0 ? " before its first report" : fmt::format(" after interval {}", interval);
}

}  // namespace

Result<RecordingReader> RecordingReader::open(std::unique_ptr<std::istream> stream,
                                              std::string name) {
  const auto version = recording::version_of(read_some(*stream, recording::kFileHeaderSize));
  if (!version)
    return fail(Exit::kFailed, fmt::format("{} is not a recording of contentionwatch", name));
  if (*version > recording::kVersion)
    return fail(Exit::kFailed,
                fmt::format("{} was recorded by a newer contentionwatch (format {}; this one reads "
                            "up to {})",
                            name, *version, recording::kVersion));
  return RecordingReader(std::move(stream), std::move(name));
}

std::optional<Report> RecordingReader::next() {
  Report report;
  if (!advance(&report)) return std::nullopt;
  note(report);
  return report;
}

bool RecordingReader::skip() {
  return advance(nullptr);
}

bool RecordingReader::go_to(std::streamoff stream_place) {
  continues_ = false;
  stream_->clear();
  if (!stream_->seekg(stream_place)) return false;
  place_ = stream_place;
  return true;
}

bool RecordingReader::advance(Report* report) {
  for (;;) {
    const Found found = read_block(report);
    if (found == Found::kReport) return true;
    if (found == Found::kEnd) return false;
    if (damage_ == Found::kEnd) {
      damage_ = found;
      damaged_after_ = last_interval_;
    }
    continues_ = false;
    if (!find_beginning()) return false;
  }
}

void RecordingReader::note(const Report& report) {
  if (last_interval_ != 0 && report.interval > last_interval_ + 1)
    left_out_ += report.interval - last_interval_ - 1;
  last_interval_ = report.interval;
  is_final_ = report.final;
}

RecordingReader::Found RecordingReader::read_block(Report* report) {
  const std::string text = read_some(*stream_, recording::kBlockHeaderSize);
  if (text.empty()) return Found::kEnd;
  const auto header = recording::read_block_header(text);
  if (!header) {
    const bool is_cut = text.size() < recording::kBlockHeaderSize;
    place_ += is_cut ? static_cast<std::streamoff>(text.size()) : 1;
    return is_cut ? Found::kCut : Found::kDamaged;
  }
  const std::string payload = read_some(*stream_, header->stored);
  const std::streamoff begin = place_;
  place_ += static_cast<std::streamoff>(text.size() + payload.size());
  if (payload.size() < header->stored) return Found::kCut;
  if (!is_whole(*header, payload)) return Found::kDamaged;
  if (report != nullptr && !decode(*header, payload, *report)) return Found::kDamaged;
  continues_ = true;
  checksum_ = header->checksum;
  if (header->begins()) stream_place_ = begin;
  return Found::kReport;
}

bool RecordingReader::is_whole(const BlockHeader& header, const std::string& payload) const {
  return recording::checksum_of(payload) == header.checksum && (header.begins() || continues_);
}

bool RecordingReader::decode(const BlockHeader& header, const std::string& payload,
                             Report& report) {
  if (header.begins()) {
    unpacker_.restart();
    decoder_.restart();
  }
  const auto plain = unpacker_.unpack(payload, header.plain);
  if (!plain) return false;
  try {
    auto decoded = decoder_.decode(*plain);
    run_ = std::move(decoded.run);
    report = std::move(decoded.report);
  } catch (const recording::Damaged&) {
    return false;
  }
  return true;
}

bool RecordingReader::find_beginning() {
  for (;;) {
    stream_->clear();
    if (!stream_->seekg(place_)) return false;  // a pipe: what was passed over is gone
    const std::string text = read_some(*stream_, kLookedThrough);
    const std::size_t mark = text.find(recording::kBlockMark);
    if (mark == std::string::npos) {
      if (text.size() < kLookedThrough) return false;
      place_ += static_cast<std::streamoff>(text.size() - recording::kBlockMark.size() + 1);
      continue;
    }
    place_ += static_cast<std::streamoff>(mark);
    stream_->clear();
    stream_->seekg(place_);
    const auto header =
        recording::read_block_header(read_some(*stream_, recording::kBlockHeaderSize));
    if (header && header->begins()) break;
    place_ +=
        header ? static_cast<std::streamoff>(recording::kBlockHeaderSize) + header->stored : 1;
  }
  stream_->seekg(place_);
  return true;
}

std::string RecordingReader::missing() const {
  const std::string place = damage_ == Found::kEnd ? after(last_interval_) : after(damaged_after_);
  if (damage_ == Found::kEnd && is_final_) return {};
  if (damage_ == Found::kEnd)
    return fmt::format("{} ends{}, without the last report of its run", name_, place);
  const std::string lost = left_out_ == 0 ? ""
                                          : fmt::format(": {} interval{} missing", left_out_,
                                                        left_out_ == 1 ? " is" : "s are");
  return fmt::format("{} is {}{}{}", name_, damage_ == Found::kCut ? "cut off" : "damaged", place,
                     lost);
}

}  // namespace cw
