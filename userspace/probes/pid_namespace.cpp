#include "probes/pid_namespace.h"

#include <sys/stat.h>

namespace cw {

std::uint32_t nested_pid_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFC;
  struct stat about{};
  if (stat("/proc/self/ns/pid", &about) != 0 || about.st_ino == kFirst) return 0;
  return static_cast<std::uint32_t>(about.st_ino);
}

}  // namespace cw
