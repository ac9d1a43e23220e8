#include "app/recording_file.h"

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

}  // namespace cw
