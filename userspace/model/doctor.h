// What doctor says: can this machine, or this process, be observed, and at what cost?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/doctor_facts.h"

namespace cw {

enum class CheckGroup : std::uint8_t { kRight, kKernel, kHook, kProcess };
const char* name_of(CheckGroup group);  // "right", "kernel", "hook", "process"

struct Check {
  std::string name;
  CheckGroup group = CheckGroup::kKernel;
  std::optional<std::int32_t> pid;  // of kProcess
  bool ok = false;
  bool needed = false;
  std::string value;
  std::string why;
  std::string cure;
};

struct CapabilityReport {
  std::string name;
  bool held = false;
  std::string needed_for;
  bool needed_here = false;  // part of the set that suffices on this machine
  bool kept = false;         // after start
};

// The allocators of one process, and where they would be probed.
struct ProcessAllocators {
  std::int32_t pid = 0;
  std::vector<AllocatorSites> allocators;
};

// Where its calls that take locks and let them go would be probed.
struct ProcessLocks {
  std::int32_t pid = 0;
  LockSites found;
};

struct DoctorReport {
  std::string host;
  std::string kernel;
  bool ready = false;
  bool no_process = false;  // not ready because of a --pid
  std::string summary;
  std::vector<Check> checks;
  std::vector<HookFacts> hooks;
  std::vector<ProcessAllocators> allocators;  // of the processes asked about
  std::vector<ProcessLocks> locks;            // likewise
  std::vector<CapabilityReport> capabilities;
};

}  // namespace cw
