#include "app/outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "output/json.h"
#include "output/text.h"

namespace cw {
namespace {

Result<void> put(std::FILE* file, const std::string& text, const std::string& name) {
  if (std::fwrite(text.data(), 1, text.size(), file) != text.size() || std::fflush(file) != 0)
    return fail(Exit::kFailed, fmt::format("cannot write to {}: {}", name, std::strerror(errno)));
  return {};
}

}  // namespace

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
    outputs.json_.reset(std::fopen(settings.json_file.c_str(), "we"));
    if (!outputs.json_)
      return fail(Exit::kFailed,
                  fmt::format("cannot write to {}: {}", settings.json_file, std::strerror(errno)));
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
    if (auto done = put(json_.get(), to_json(report, json) + "\n", settings_.json_file); !done)
      return done;
  const TextOptions text{.color = color_,
                         .width = width_,
                         .top_n = settings_.top_n,
                         .with_waits = settings_.with_waits};
  const auto said =
      put(stdout,
          settings_.format == Format::kJson ? to_json(report, json) + "\n" : to_text(report, text),
          "standard output");
  // Reports first: whatever becomes of an export, they are out.
  const auto exported = exports_.write(report);
  const auto& result = said ? exported : said;
  if (result || report.final) return result;
  exports_.give_up();
  return result;
}

}  // namespace cw
