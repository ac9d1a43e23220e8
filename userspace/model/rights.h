// The capabilities (capabilities(7)) that observing may need, and which of them are still needed
// once the hooks are attached.
#pragma once

#include <linux/capability.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace cw {

enum class Keep : std::uint8_t {
  kNo,
  kYes,
  kForMaps,  // where the kernel asks for it whenever a map is used: before Linux 6.0
};

struct Right {
  int number;
  std::string_view name;
  std::string_view needed_for;
  Keep keep;
};

inline constexpr auto kRights = std::to_array<Right>({
    {CAP_BPF, "CAP_BPF", "to load programs and make maps", Keep::kForMaps},
    {CAP_PERFMON, "CAP_PERFMON", "to load and attach programs that trace the kernel", Keep::kNo},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to read memory, maps and calls of others' processes",
     Keep::kYes},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
     "to open others' files below /proc, and tracefs where it is mounted", Keep::kYes},
    {CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
     "to open programs that were deleted or replaced (/proc/PID/map_files)", Keep::kYes},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to open tracefs where it is not mounted", Keep::kNo},
});

}  // namespace cw
