#include "app/outputs.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "output/json.h"
#include "output/text.h"

namespace cw {

bool wants_color(Color color) {
  if (color != Color::kAuto) return color == Color::kAlways;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::strcmp(terminal, "dumb") != 0);
}

Result<Outputs> Outputs::open(const Settings& settings, RecordedRun run) {
  Outputs outputs;
  outputs.settings_ = settings;
  outputs.color_ = wants_color(settings.color);
  if (settings.format == Format::kTui && settings.command != Command::kReplay)
    outputs.live_ = std::make_unique<LiveOutput>();
  if (!settings.json_file.empty()) {
    auto json = OutputFile::open(settings.json_file);
    if (!json) return std::unexpected(json.error());
    outputs.json_ = std::move(*json);
  }
  if (!settings.record_file.empty()) {
    auto recording = RecordingFile::open(settings.record_file, run);
    if (!recording) return std::unexpected(recording.error());
    outputs.recording_ = std::move(*recording);
  }
  auto exports = Exports::open(settings, run);
  if (!exports) return std::unexpected(exports.error());
  outputs.exports_ = std::move(*exports);
  outputs.run_ = std::move(run);
  return outputs;
}

Result<void> Outputs::start() {
  if (auto started = exports_.start(); !started) return started;
  if (!live_) return {};
  return live_->start({.colours = color_ ? live::Colours::kAsTerminal : live::Colours::kNone});
}

// The file first: what a closed pipe ends is in it whole.
Result<void> Outputs::print(const Report& report) {
  const bool as_json = settings_.format == Format::kJson;
  std::string json;
  if (json_ || as_json) json = to_json(report, {.with_waits = run_.with_waits}) + "\n";
  if (json_)
    if (auto done = json_->write(json); !done) return done;
  if (settings_.format == Format::kTui) return {};
  if (as_json) return standard_output_.write(json);
  return standard_output_.write(to_text(
      report,
      {.color = color_, .width = width_, .top_n = run_.top_n, .with_waits = run_.with_waits}));
}

void Outputs::show(Report report) {
  if (!live_) return;
  const bool final = report.final;
  live_->show(std::move(report));
  if (final) live_->end();
}

Result<void> Outputs::write(Report report) {
  const auto recorded = recording_ ? recording_->write(report) : Result<void>();
  const auto said = print(report);
  // Reports first: whatever becomes of an export, they are out.
  const auto exported = exports_.write(report);
  const auto& result = !said ? said : !recorded ? recorded : exported;
  const bool final = report.final;
  show(std::move(report));
  if (result || final) return result;
  exports_.give_up();
  return result;
}

}  // namespace cw
