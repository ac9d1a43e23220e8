// Attaches a program to many places of a file at once: uprobe.multi (Linux 6.6), also at calls'
// returns, and as a session (Linux 6.13), which libbpf 1.4 does not know.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/fd.h"

namespace cw {

// As in enum bpf_attach_type, include/uapi/linux/bpf.h.
enum class UprobeKind : std::uint32_t {
  kCalls = 48,    // BPF_TRACE_UPROBE_MULTI
  kSession = 57,  // BPF_TRACE_UPROBE_SESSION
  kReturns = 0,   // of ours: the first, where the places' functions return
};

struct UprobePlaces {
  std::string file;  // a path that opens it
  std::span<const std::uint64_t> offsets;
  std::span<const std::uint64_t> cookies;
};

// As long as the descriptor lives, `program` runs when process `pid` passes there. Empty: refused,
// and errno says why.
Fd attach_uprobes(int program, UprobeKind kind, std::int32_t pid, const UprobePlaces& places);

}  // namespace cw
