#include "probes/uprobe_link.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cw {
namespace {

constexpr std::uint32_t kOfReturns = 1;  // BPF_F_UPROBE_MULTI_RETURN

// What BPF_LINK_CREATE takes of union bpf_attr, for uprobes.
struct CreateUprobes {
  std::uint32_t program = 0;
  std::uint32_t target = 0;
  std::uint32_t attach_type = 0;
  std::uint32_t flags = 0;
  std::uint64_t path = 0;
  std::uint64_t offsets = 0;
  std::uint64_t counters = 0;  // semaphores of SDT probes
  std::uint64_t cookies = 0;
  std::uint32_t count = 0;
  std::uint32_t uprobe_flags = 0;
  std::uint32_t pid = 0;
  std::uint32_t padding = 0;
};
static_assert(sizeof(CreateUprobes) == 64);

std::uint64_t address_of(const void* there) {
  return reinterpret_cast<std::uint64_t>(there);
}

}  // namespace

Fd attach_uprobes(int program, UprobeKind kind, std::int32_t pid, const UprobePlaces& places) {
  CreateUprobes create;
  create.program = static_cast<std::uint32_t>(program);
  create.attach_type =
      static_cast<std::uint32_t>(kind == UprobeKind::kReturns ? UprobeKind::kCalls : kind);
  create.path = address_of(places.file.c_str());
  create.offsets = address_of(places.offsets.data());
  create.cookies = address_of(places.cookies.data());
  create.count = static_cast<std::uint32_t>(places.offsets.size());
  create.uprobe_flags = kind == UprobeKind::kReturns ? kOfReturns : 0;
  create.pid = static_cast<std::uint32_t>(pid);
  return Fd(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create))));
}

}  // namespace cw
