#include "probes/lockdown.h"

#include <fstream>
#include <iterator>
#include <string>

namespace cw {

// "none integrity [confidentiality]": the one in brackets is in force.
bool is_confidential() {
  std::ifstream file("/sys/kernel/security/lockdown");
  const std::string levels{std::istreambuf_iterator<char>(file), {}};
  return levels.contains("[confidentiality]");
}

}  // namespace cw
