#include "app/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "app/outputs.h"
#include "app/recording_file.h"
#include "app/replay_view.h"

namespace cw {
namespace {

// As the run had it, where nothing else is asked for.
RecordedRun shown_as(RecordedRun run, const Settings& settings) {
  if (settings.top_chosen) run.top_n = settings.top_n;
  run.with_waits = run.with_waits || settings.with_waits;
  return run;
}

// What reading through a recording came to.
struct ReadThrough {
  Level worst = Level::kFine;
  std::string missing;
};

Result<ReadThrough> read_through(RecordingReader& recording, std::optional<Report> report,
                                 Outputs& outputs, ReplayView* view) {
  ReadThrough read;
  bool is_final = false;
  bool reads_on = true;
  while (report) {
    read.worst = std::max(read.worst, report->verdict.level);
    is_final = report->final;
    if (view != nullptr) view->note(*report);
    if (auto written = outputs.write(std::move(*report)); !written)
      return std::unexpected(written.error());
    reads_on = view == nullptr || view->reads_on();
    report = reads_on ? recording.next() : std::nullopt;
  }
  if (!is_final)
    if (auto finished = outputs.finish(); !finished) return std::unexpected(finished.error());
  if (reads_on) read.missing = recording.missing();
  if (view != nullptr) view->note_end(read.missing);
  return read;
}

}  // namespace

Result<Exit> replay(const Settings& settings) {
  auto recording = open_recording(settings.recording);
  if (!recording) return std::unexpected(recording.error());
  auto first = recording->next();
  if (!first) return fail(Exit::kFailed, recording->missing());
  auto outputs = Outputs::open(settings, shown_as(recording->run(), settings));
  if (!outputs) return std::unexpected(outputs.error());
  std::unique_ptr<ReplayView> view;
  if (settings.format == Format::kTui) {
    auto opened = ReplayView::open(settings, *outputs, *first);
    if (!opened) return std::unexpected(opened.error());
    view = std::move(*opened);
  }
  const auto read = read_through(*recording, std::move(first), *outputs, view.get());
  if (!read) return std::unexpected(read.error());
  if (view) view->wait();
  const std::string& missing = read->missing;
  if (!settings.fail_on || read->worst < *settings.fail_on)
    return missing.empty() ? Result<Exit>(Exit::kDone) : fail(Exit::kFailed, missing);
  if (!missing.empty()) fmt::print(stderr, "contentionwatch: {}\n", missing);
  return Exit::kVerdict;
}

}  // namespace cw
