#include "process/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace cw {

Fd file_in_memory(std::string_view bytes) {
  Fd file(::memfd_create("contentionwatch", MFD_CLOEXEC));
  if (!file) return {};
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return {};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

}  // namespace cw
