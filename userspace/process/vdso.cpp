#include "process/vdso.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "process/proc_files.h"

namespace cw {

std::vector<std::byte> read_vdso(int process, const MemoryMap& map) {
  const auto mapping = std::ranges::find(map.mappings(), "[vdso]", &Mapping::path);
  if (mapping == map.mappings().end()) return {};
  const Fd memory(::openat(process, "mem", O_RDONLY | O_CLOEXEC));
  if (!memory) return {};
  std::vector<std::byte> bytes(std::min<std::uint64_t>(mapping->end - mapping->start, kMaxVdso));
  const std::span<char> room(reinterpret_cast<char*>(bytes.data()), bytes.size());
  bytes.resize(read_at(memory.get(), mapping->start, room));
  return bytes;
}

}  // namespace cw
