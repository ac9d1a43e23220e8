// Where the calls that take locks and let them go are probed: plain values, found by
// process/lock_functions.h, attached by probes/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/alloc_site.h"
#include "model/fd.h"
#include "model/section_event.h"

namespace cw {

// Whose mutexes they are: their layout is the library's own affair.
enum class LockLibrary : std::uint8_t { kGlibc, kMusl };

// One function, probed at one instruction.
struct LockSite {
  SectionCall call = SectionCall::kLock;
  LockLibrary library = LockLibrary::kGlibc;
  std::string function;            // "pthread_mutex_lock"
  std::shared_ptr<const Fd> file;  // that it is in: attach by /proc/self/fd/N
  std::string module;              // its name: "libc.so.6"
  std::uint64_t offset = 0;        // of the instruction in the function
  std::uint64_t file_offset = 0;   // the same in the file
  Register lock_in{};  // where the lock's address is when the instruction is about to run
  std::optional<Register> condition_in;
  bool emulated = false;          // the kernel does the instruction itself; else it single-steps
  std::string instruction;        // "jne 0x8c430"
  std::string why_entry;          // of a site that is not emulated: why there is no better one
  std::optional<double> cost_ns;  // a hit, as measured on ourselves; empty: it was not
};

struct LockSites {
  std::vector<LockSite> sites;
  std::vector<std::string> not_observable;  // one line each, with the reason
};

}  // namespace cw
