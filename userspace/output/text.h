// The report for people: the answer first, its sum below, the detail last.
#pragma once

#include <cstddef>
#include <string>

#include "model/report.h"

namespace cw {

struct TextOptions {
  bool color = false;
  std::size_t width = 80;  // no line is longer; at least 60
  std::size_t top_n = 10;
  bool with_waits = false;  // list idle waits too
};

std::string to_text(const Report& report, const TextOptions& options = {});
// Its head alone: whom it is about, the verdict with its sum, what the threads did.
std::string verdict_text(const Report& report, const TextOptions& options = {});

}  // namespace cw
