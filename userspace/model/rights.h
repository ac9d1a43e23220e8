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
  kForMaps,  // where the kernel asks for it to make a map (kernel.unprivileged_bpf_disabled): code
             // that processes load later needs unwind tables
};

struct Right {
  int number;
  std::string_view name;
  std::string_view needed_for;
  Keep keep;
};

inline constexpr auto kRights = std::to_array<Right>({
    {CAP_BPF, "CAP_BPF", "to load programs, to make maps", Keep::kForMaps},
    {CAP_PERFMON, "CAP_PERFMON", "to load and attach what traces the kernel", Keep::kNo},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to look into processes of others", Keep::kYes},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
     "to open files of others below /proc, and a mounted tracefs", Keep::kYes},
    {CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
     "to open programs that were deleted or replaced", Keep::kYes},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to open tracefs that is mounted nowhere", Keep::kNo},
});

constexpr bool is_kept(const Right& right, bool maps_take_rights) {
  return right.keep == Keep::kYes || (right.keep == Keep::kForMaps && maps_take_rights);
}

}  // namespace cw
