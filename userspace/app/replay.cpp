#include "app/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "app/outputs.h"
#include "recording/reader.h"

namespace cw {
namespace {

Result<RecordingReader> open_recording(const std::string& name) {
  errno = 0;
  auto stream = std::make_unique<std::ifstream>(name, std::ios::binary);
  // A folder opens, but cannot be read.
  if (!*stream || (stream->peek(), stream->bad()))
    return fail(Exit::kFailed, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
  stream->clear();
  return RecordingReader::open(std::move(stream), name);
}

// As the run had it, where nothing else is asked for.
RecordedRun shown_as(RecordedRun run, const Settings& settings) {
  if (settings.top_chosen) run.top_n = settings.top_n;
  run.with_waits = run.with_waits || settings.with_waits;
  return run;
}

}  // namespace

Result<Exit> replay(const Settings& settings) {
  auto recording = open_recording(settings.recording);
  if (!recording) return std::unexpected(recording.error());
  auto report = recording->next();
  if (!report) return fail(Exit::kFailed, recording->missing());
  auto outputs = Outputs::open(settings, shown_as(recording->run(), settings));
  if (!outputs) return std::unexpected(outputs.error());
  Level worst = Level::kFine;
  bool is_final = false;
  for (; report; report = recording->next()) {
    worst = std::max(worst, report->verdict.level);
    is_final = report->final;
    if (auto written = outputs->write(*report); !written) return std::unexpected(written.error());
  }
  if (!is_final)
    if (auto finished = outputs->finish(); !finished) return std::unexpected(finished.error());
  const std::string missing = recording->missing();
  if (!settings.fail_on || worst < *settings.fail_on)
    return missing.empty() ? Result<Exit>(Exit::kDone) : fail(Exit::kFailed, missing);
  if (!missing.empty()) fmt::print(stderr, "contentionwatch: {}\n", missing);
  return Exit::kVerdict;
}

}  // namespace cw
