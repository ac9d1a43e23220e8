// The JSON report, schema contentionwatch.report/1.
#pragma once

#include <string>

#include "model/report.h"

namespace cw {

struct JsonOptions {
  bool with_waits = false;  // list idle waits too
};

// One object on one line, without the line's end. Invalid UTF-8 in names is replaced.
std::string to_json(const Report& report, const JsonOptions& options = {});

}  // namespace cw
