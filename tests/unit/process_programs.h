// The small programs of tests/unit/programs.
#pragma once

#include <fcntl.h>

#include <filesystem>

#include "model/fd.h"

namespace cw::test {

inline const std::filesystem::path kPrograms = CW_PROGRAMS;

inline Fd open_file(const std::filesystem::path& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace cw::test
