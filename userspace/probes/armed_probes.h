// Attaching programs to places in the code of one process, and taking them away again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "model/error.h"
#include "probes/uprobe_link.h"

struct bpf_program;

namespace cw {

// How probes are attached.
enum class UprobeWay : std::uint8_t {
  kAutomatic,  // many at once where the kernel can
  kMulti,      // many at once (uprobe.multi, Linux 6.6)
  kSingle,     // each by a perf event: attaching and detaching takes ten times as long
};

// A place in a file, and what is to run there.
struct ProbedSite {
  const bpf_program* program = nullptr;
  UprobeKind kind = UprobeKind::kCalls;
  std::string file;          // a path that opens the very file the process mapped
  std::uint64_t offset = 0;  // in the file
  std::uint64_t cookie = 0;  // what the program finds there
  // Attached by ascending turns, detached by descending ones; one program a turn.
  std::uint32_t turn = 0;
};

// Probes that are in place as long as this lives; also when we are killed, the kernel takes them
// away with our descriptors.
class ArmedProbes {
 public:
  ArmedProbes();
  ArmedProbes(ArmedProbes&&) noexcept;
  ArmedProbes& operator=(ArmedProbes&&) noexcept;
  ~ArmedProbes();

 private:
  friend Result<ArmedProbes> arm_sites(std::int32_t pid, std::span<const ProbedSite> sites,
                                       UprobeWay way);
  struct Links;
  std::unique_ptr<Links> links_;
};

// Takes some milliseconds, in which forks anywhere wait (dup_mmap_sem, kernel/events/uprobes.c).
// Attaching and detaching the sites of a turn each wait for forks that are under way, while the
// others are armed: those that most calls pass had better come in the last turn. Errors: the
// process is gone, its text may not be changed, or the kernel has no uprobe.multi (Linux 6.6).
// kSingle knows UprobeKind::kCalls alone.
Result<ArmedProbes> arm_sites(std::int32_t pid, std::span<const ProbedSite> sites,
                              UprobeWay way = UprobeWay::kMulti);

}  // namespace cw
