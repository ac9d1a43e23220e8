// Which format the reports have: what was asked for, or what fits where they go.
#pragma once

#include <string>

#include "app/settings.h"

namespace cw {

struct FormatChoice {
  Format format = Format::kText;
  std::string remark;  // why it is not the live view; empty where nobody expects that
};

// `asked`: of --format; empty: the live view if both standard input and output are a terminal, else
// text, as a replay has it anywhere. Errors: kUsage, the live view was asked for and cannot be.
Result<FormatChoice> choose_format(const std::string& asked, Command command);

}  // namespace cw
