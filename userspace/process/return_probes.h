// Whether calls of a process may be probed where they return.
#pragma once

#include <cstdint>
#include <string>

namespace cw {

// Why not; empty: they may. Looks at each thread, so that it is to be asked before each time.
//   * A probe at a return makes a system call of its own from Linux 6.11 on, which a seccomp filter
//     that does not know it answers by ending the process (mended in 6.14: kernel/seccomp.c lets it
//     pass; kernels between are left alone, since a child born meanwhile may set up a filter).
//   * Return addresses that a shadow stack keeps too (Documentation/arch/x86/shstk.rst) are only
//     replaced in both from Linux 6.11 on.
std::string why_no_return_probes(std::int32_t pid);

// Of one "/proc/PID/task/TID/status" on a kernel of that version.
std::string why_no_return_probes(const std::string& status, unsigned major, unsigned minor);

}  // namespace cw
