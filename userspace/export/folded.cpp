#include "export/folded.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "export/call_path.h"

namespace cw {

std::string to_folded(const Profile& profile) {
  std::map<std::string, double> lines;  // overloads and lines of one function are one here
  for (const auto& [stack, weight] : profile.waiters()) {
    std::string line;
    for (auto& [name, frame] : call_path(profile, stack)) {
      std::ranges::replace(name, ';', ',');  // separates frames
      line += line.empty() ? name : ";" + name;
    }
    lines[line] += weight.amount;
  }
  std::string text;
  for (const auto& [line, ns] : lines)
    if (std::llround(ns) > 0)
      fmt::format_to(std::back_inserter(text), "{} {}\n", line, std::llround(ns));
  return text;
}

}  // namespace cw
