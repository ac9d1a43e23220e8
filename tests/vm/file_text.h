#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace cw::test {

// All of a file; nothing where there is none.
inline std::string file_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace cw::test
