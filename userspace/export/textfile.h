// Metrics in a file, for node_exporter's textfile collector.
#pragma once

#include <string>
#include <string_view>

#include "model/error.h"

namespace cw {

// Replaces FILE whole: who reads it finds what was there before or what is there now. Writes to a
// temporary beside it, whose name the collector (*.prom) passes over. Errors: kFailed.
Result<void> replace_file(const std::string& file, std::string_view text);
// Whether replace_file() would find what it needs; FILE is not touched. Errors: kFailed.
Result<void> check_replaceable(const std::string& file);

}  // namespace cw
