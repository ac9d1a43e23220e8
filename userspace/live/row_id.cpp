#include "live/row_id.h"

#include <concepts>
#include <functional>
#include <string>

namespace cw::live {
namespace {

enum class TableOf : std::uint8_t { kLocks, kProcesses, kMemory, kAllocators, kSites };

class Hash {
 public:
  explicit Hash(TableOf table) { add(static_cast<std::uint64_t>(table)); }

  Hash& add(std::integral auto value) { return mix(static_cast<std::uint64_t>(value)); }
  Hash& add(const std::string& text) { return mix(std::hash<std::string>{}(text)); }
  [[nodiscard]] RowId value() const { return value_; }

 private:
  // The finaliser of MurmurHash3 (Austin Appleby, public domain).
  Hash& mix(std::uint64_t value) {
    value_ = (value_ ^ value) * 0x9e3779b97f4a7c15U;
    value_ = (value_ ^ (value_ >> 33U)) * 0xff51afd7ed558ccdU;
    value_ ^= value_ >> 33U;
    return *this;
  }

  std::uint64_t value_ = 0;
};

}  // namespace

// Names become better as symbols are read, so an address tells more. A word of a file is kept by
// its place there: who shares it changes.
RowId id_of(const LockReport& lock) {
  Hash hash(TableOf::kLocks);
  if (lock.address != 0)
    return hash.add(lock.pids.empty() ? 0 : lock.pids.front()).add(lock.address).value();
  hash.add(static_cast<int>(lock.kind)).add(lock.name).add(lock.objects > 1).add(lock.comm);
  return (lock.per_waiter_words || lock.objects > 1 ? hash : hash.add(lock.object)).value();
}

RowId id_of(const ProcessReport& process) {
  return Hash(TableOf::kProcesses).add(process.pid).value();
}

RowId id_of(const MemoryReport& memory) {
  return Hash(TableOf::kMemory).add(memory.pid).value();
}

RowId id_of(const AllocatorReport& allocator) {
  return Hash(TableOf::kAllocators).add(allocator.pid).add(allocator.allocator).value();
}

RowId id_of(const AllocatorReport& allocator, const AllocationSiteReport& site) {
  Hash hash(TableOf::kSites);
  hash.add(allocator.pid).add(allocator.allocator);
  for (const Frame& frame : site.stack.frames)
    hash.add(frame.module).add(frame.function).add(frame.offset);
  return hash.value();
}

}  // namespace cw::live
