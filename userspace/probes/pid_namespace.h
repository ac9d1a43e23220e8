// Which pid namespace the hooks number processes in.
#pragma once

#include <cstdint>

namespace cw {

// The inode of our pid namespace, by which the hooks number processes as our /proc does; 0 in the
// machine's first one (PROC_PID_INIT_INO, include/linux/proc_ns.h), where no translation is needed.
std::uint32_t nested_pid_namespace();

}  // namespace cw
