// Probes on the functions that take locks and let them go, attached for as long as a window is
// open. Loads the programs of sections.bpf.c, reads what they wrote down.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/error.h"
#include "model/section_event.h"
#include "probes/armed_probes.h"
#include "probes/hit_counts.h"
#include "probes/lock_probes.h"

namespace cw {

// A place in a file where a call passes that takes a lock, or lets one go.
struct SectionProbe {
  std::string file;  // a path that opens the very file the process mapped
  std::uint64_t offset = 0;
  SectionCall call = SectionCall::kLock;
  bool musl = false;      // its mutexes are laid out as musl's are, not as glibc's
  bool emulated = true;   // else the kernel single-steps the instruction, at many times the cost
  std::uint8_t lock = 0;  // registers by DWARF number
  std::optional<std::uint8_t> condition;
};

class SectionProbes {
 public:
  // Shares the threads and the stacks of `locks`, which must outlive this.
  static Result<SectionProbes> load(const LockProbes& locks);

  SectionProbes(SectionProbes&&) noexcept;
  SectionProbes& operator=(SectionProbes&&) noexcept;
  ~SectionProbes();

  // See arm_sites().
  Result<ArmedProbes> arm(std::int32_t pid, std::span<const SectionProbe> probes) const;
  // Forgets the window before; none is open then. To be called while nothing is armed.
  void clear();
  // The time in which calls are written down.
  void open(std::uint64_t open_ns, std::uint64_t close_ns, std::uint32_t stacks_one_in);
  // Ends it early.
  void close(std::uint64_t now_ns);
  // Hits since clear(), one that is single-stepped as `stepped_weight` others.
  [[nodiscard]] HitCounts hits(std::uint64_t stepped_weight) const;
  [[nodiscard]] std::uint64_t stacks() const;
  // What the window saw, in no order, up to when there was no more room. To be called soon after it
  // was closed and the probes are gone: who waits is looked up now.
  [[nodiscard]] SectionRecord record() const;

  // Events one CPU has room for in a window.
  [[nodiscard]] std::uint32_t room() const;
  [[nodiscard]] Losses losses() const;

 private:
  struct State;
  explicit SectionProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cw
