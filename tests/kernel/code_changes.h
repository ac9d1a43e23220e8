// Whether something of ours is in the code of a process.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace cw::test {

// Bytes of its C library's code that differ from the file's.
std::size_t changed_libc_bytes(pid_t pid);

}  // namespace cw::test
