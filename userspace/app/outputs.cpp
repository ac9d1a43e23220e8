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

Result<Outputs> Outputs::open(const Settings& settings) {
  Outputs outputs;
  outputs.settings_ = settings;
  outputs.color_ = wants_color(settings.color);
  if (!settings.json_file.empty()) {
    auto json = OutputFile::open(settings.json_file);
    if (!json) return std::unexpected(json.error());
    outputs.json_ = std::move(*json);
  }
  auto exports = Exports::open(settings);
  if (!exports) return std::unexpected(exports.error());
  outputs.exports_ = std::move(*exports);
  return outputs;
}

Result<void> Outputs::write(const Report& report) {
  const JsonOptions json{.with_waits = settings_.with_waits};
  // The file first: what a closed pipe ends is in it whole.
  if (json_)
    if (auto done = json_->write(to_json(report, json) + "\n"); !done) return done;
  const TextOptions text{.color = color_,
                         .width = width_,
                         .top_n = settings_.top_n,
                         .with_waits = settings_.with_waits};
  const auto said = standard_output_.write(
      settings_.format == Format::kJson ? to_json(report, json) + "\n" : to_text(report, text));
  // Reports first: whatever becomes of an export, they are out.
  const auto exported = exports_.write(report);
  const auto& result = said ? exported : said;
  if (result || report.final) return result;
  exports_.give_up();
  return result;
}

}  // namespace cw
