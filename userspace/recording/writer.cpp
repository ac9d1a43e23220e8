#include "recording/writer.h"

#include "recording/block.h"

namespace cw {
namespace {

// A stream begins anew this often: what is damaged costs no more intervals than these.
constexpr std::uint64_t kBlocksAStream = 60;
constexpr std::size_t kMostKnownAStream = 8U << 20U;  // bytes; sooner, when names never come again

}  // namespace

std::string RecordingWriter::begin() {
  return recording::file_header();
}

std::string RecordingWriter::add(const Report& report) {
  if (blocks_ == kBlocksAStream || encoder_.known_bytes() > kMostKnownAStream) blocks_ = 0;
  const bool begins = blocks_++ == 0;
  if (begins) {
    encoder_.restart();
    packer_.restart();
  }
  const std::string plain = encoder_.encode(run_, report);
  const std::string stored = packer_.pack(plain);
  return recording::written({.flags = begins ? recording::kBegins : 0,
                             .stored = static_cast<std::uint32_t>(stored.size()),
                             .plain = static_cast<std::uint32_t>(plain.size()),
                             .checksum = recording::checksum_of(stored)}) +
         stored;
}

}  // namespace cw
