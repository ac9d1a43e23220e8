#include "code_changes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include "model/fd.h"

namespace cw::test {
namespace {

// The code that a process has mapped of a file, as it is in its memory.
struct Code {
  std::uint64_t start = 0;
  std::uint64_t offset = 0;
  std::string file;
  std::string bytes;
};

Code code_of(pid_t pid, const std::string& name) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("r-xp") == std::string::npos || line.find(name) == std::string::npos) continue;
    Code code;
    code.start = std::stoull(line, nullptr, 16);
    const std::uint64_t end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
    code.offset = std::stoull(line.substr(line.find("r-xp ") + 5), nullptr, 16);
    code.file = line.substr(line.find('/'));
    code.bytes.resize(end - code.start);
    const Fd memory(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t got =
        pread(memory.get(), code.bytes.data(), code.bytes.size(), static_cast<off_t>(code.start));
    code.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
    return code;
  }
  return {};
}

}  // namespace

std::size_t changed_libc_bytes(pid_t pid) {
  const Code code = code_of(pid, "libc.so");
  std::string original(code.bytes.size(), '\0');
  const Fd file(open(code.file.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(pread(file.get(), original.data(), original.size(), static_cast<off_t>(code.offset)),
            static_cast<ssize_t>(original.size()));
  EXPECT_GT(original.size(), 100'000U);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < original.size(); ++i) changed += original[i] != code.bytes[i] ? 1 : 0;
  return changed;
}

}  // namespace cw::test
