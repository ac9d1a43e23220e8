// The kernel's code in every process (vdso(7)): an ELF file without a file, to be had only from the
// process's memory.
#pragma once

#include <cstddef>
#include <vector>

#include "process/maps.h"

namespace cw {

inline constexpr std::size_t kMaxVdso = std::size_t{256} << 10;  // x86-64: 8 KB; arm64: 8 KB

// The bytes mapped as [vdso] in `process` (see open_process()); its virtual addresses count from
// the mapping's start. Read without stopping the process, which may have put anything there. Empty
// when there is none or the memory may not be read (that takes CAP_SYS_PTRACE for other users'
// processes).
std::vector<std::byte> read_vdso(int process, const MemoryMap& map);

}  // namespace cw
