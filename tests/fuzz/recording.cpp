#include <cstdlib>
#include <memory>
#include <sstream>

#include "input.h"
#include "recording/reader.h"
#include "recording/writer.h"

namespace {

void read(std::string file) {
  auto reader =
      cw::RecordingReader::open(std::make_unique<std::istringstream>(std::move(file)), "x");
  if (!reader) return;
  while (const auto report = reader->next()) cw::fuzz::use(report->locks.size());
  cw::fuzz::use(reader->missing());
}

// With checksums that are right, so that what lies behind them is reached.
std::string block_of(std::string_view content) {
  cw::recording::Packer packer;
  const std::string stored = packer.pack(content);
  return cw::recording::written({.flags = cw::recording::kBegins,
                                 .stored = static_cast<std::uint32_t>(stored.size()),
                                 .plain = static_cast<std::uint32_t>(content.size()),
                                 .checksum = cw::recording::checksum_of(stored)}) +
         stored;
}

}  // namespace

// The first byte chooses: a file, or what one holds in its only block.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const auto rest = cw::fuzz::text_of(bytes, size).substr(1);
  if (bytes[0] % 2 == 0)
    read(std::string(rest));
  else
    read(cw::RecordingWriter::begin() + block_of(rest));
  return 0;
}
