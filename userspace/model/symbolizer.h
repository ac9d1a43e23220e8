// How analysis asks for names without knowing about ELF files, /proc or BPF maps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/report.h"
#include "model/snapshot.h"

namespace cw {

// What lies at an address of the observed process.
struct ObjectName {
  std::string name;    // "orders::ledger" or "orders::ledger+0x8"; empty: no symbol covers it
  std::string object;  // "bss orders+0x2c140", "heap", "stack of 71", "shared /dev/shm/x+0x40"
};

// What a thread sleeps on, for threads that sleep on one futex word without a timeout.
struct Asleep {
  std::uint64_t address = 0;
  std::uint64_t sleeps = 0;  // the same twice: it did not wake in between

  bool operator==(const Asleep&) const = default;
};

class Symbolizer {
 public:
  virtual ~Symbolizer() = default;
  // The frames of a kept stack, innermost first. Empty when the stack was not kept.
  virtual Stack stack(ImageId image, StackId stack) = 0;
  // The same without lines and inlined functions: cheaper, and enough to tell what is waited for.
  virtual Stack functions(ImageId image, StackId id) { return stack(image, id); }
  virtual ObjectName object_at(ImageId image, std::uint64_t address) = 0;
  // Where a word that processes share lies in one of them; 0: not mapped, or not known.
  virtual std::uint64_t address_of(ImageId image, const WordKey& word) = 0;
  // Name of a thread; empty when it is gone.
  virtual std::string thread_comm(ImageId image, std::uint32_t tid) = 0;
  // The tid that holds the lock at `address`, where the lock's own memory tells; 0: not known.
  // Read without stopping the process, so it may be out of date by the time it is printed.
  virtual std::uint32_t owner_of(ImageId image, std::uint64_t address, LockKind kind,
                                 std::uint16_t op) = 0;
  // As of now; empty when it is awake, gone, or sleeps on something else.
  virtual std::optional<Asleep> asleep(ImageId image, std::uint32_t tid) = 0;
};

}  // namespace cw
