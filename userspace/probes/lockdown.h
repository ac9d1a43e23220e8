// Whether the kernel was locked down so far that it lets nobody look into it: kernel_lockdown(7).
#pragma once

namespace cw {

// False also where that cannot be told.
bool is_confidential();

}  // namespace cw
