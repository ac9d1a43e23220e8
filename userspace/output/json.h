// The JSON report, schema contentionwatch.report/1.
#pragma once

#include <cstddef>
#include <string>

#include "model/report.h"

namespace cw {

struct JsonOptions {
  bool with_waits = false;  // list idle waits too
  // A process may have a hundred thousand locks that hardly anybody waits for. The rest is counted
  // in locks_not_listed and waits_not_listed.
  std::size_t max_rows = 1000;
};

// One object on one line, without the line's end. Invalid UTF-8 in names is replaced.
std::string to_json(const Report& report, const JsonOptions& options = {});

}  // namespace cw
