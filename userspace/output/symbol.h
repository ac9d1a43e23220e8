// Symbols as people read them: without template arguments, parameters and return types.
#pragma once

#include <string>
#include <string_view>

#include "model/report.h"

namespace cw {

// "void std::vector<int, std::allocator<int> >::push_back(int const&)" is
// "std::vector<>::push_back". Never longer than what came in; something it cannot make sense of
// comes back as it is.
std::string short_symbol(std::string_view symbol);

// "cache.cpp:41"; empty where the source is not known.
std::string source_line(const Frame& frame);

}  // namespace cw
