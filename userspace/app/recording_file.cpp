#include "app/recording_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

namespace cw {

Result<RecordingFile> RecordingFile::open(const std::string& name, RecordedRun run) {
  auto file = OutputFile::open(name);
  if (!file) return std::unexpected(file.error());
  if (auto begun = file->write(RecordingWriter::begin()); !begun)
    return std::unexpected(begun.error());
  return RecordingFile(std::move(*file), std::move(run));
}

Result<void> RecordingFile::write(const Report& report) {
  return file_.write(recording_.add(report));
}

Result<RecordingReader> open_recording(const std::string& name) {
  errno = 0;
  auto stream = std::make_unique<std::ifstream>(name, std::ios::binary);
  // A folder opens, but cannot be read.
  if (!*stream || (stream->peek(), stream->bad()))
    return fail(Exit::kFailed, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
  stream->clear();
  return RecordingReader::open(std::move(stream), name);
}

}  // namespace cw
