#include "app/format_choice.h"

#include <unistd.h>

#include "live/terminfo.h"

namespace cw {

Result<FormatChoice> choose_format(const std::string& asked, Command command) {
  if (asked == "json") return FormatChoice{.format = Format::kJson, .remark = {}};
  if (command == Command::kDoctor && asked == "tui")
    return fail(Exit::kUsage, "--format takes text or json for doctor");
  const bool on_terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  const bool fits = on_terminal && command != Command::kDoctor && command != Command::kReplay;
  if (asked == "text" || (asked.empty() && !fits)) return FormatChoice{};
  const auto draws = live::terminal_draws();
  if (draws) return FormatChoice{.format = Format::kTui, .remark = {}};
  if (!on_terminal) return std::unexpected(draws.error());
  return FormatChoice{.format = Format::kText, .remark = draws.error().message + "; text instead"};
}

}  // namespace cw
