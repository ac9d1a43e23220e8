// The code that HotSpot, Java's virtual machine, makes at run time: which method it is of, and how
// large its stack frames are. Read from outside by the table of fields that HotSpot keeps for
// debuggers (src/hotspot/share/runtime/vmStructs.hpp), which is in every libjvm.so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/fd.h"
#include "model/unwind.h"
#include "process/maps.h"

namespace cw {

class HotspotCode {
 public:
  static constexpr std::size_t kMaxPieces = std::size_t{1} << 17;

  // `process`: see open_process(); `map`: its maps. Tried with JDK 17 on x86-64; empty for
  // processes that are none, and for versions that keep other fields.
  static std::optional<HotspotCode> find(int process, const MemoryMap& map);
  // The same in a file that has each byte at its address, where HotSpot's variables
  // gHotSpotVMStructs and gHotSpotVMTypes lie at these.
  static std::optional<HotspotCode> open(Fd memory, std::uint64_t structs, std::uint64_t types);

  // One method, or one of the virtual machine's stubs.
  struct Piece {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint32_t prologue = 0;    // bytes of code until the frame is whole
    std::uint32_t frame_size = 0;  // bytes with the return address; 0: the frame pointer tells
    bool interprets = false;
    std::uint64_t blob = 0;  // address of HotSpot's record

    bool operator==(const Piece&) const = default;
  };
  // All there is now, by address. The process goes on meanwhile: what changes is left out.
  [[nodiscard]] std::vector<Piece> pieces() const;

  // "java.util.ArrayList.add", or a stub's name; empty when it is gone.
  [[nodiscard]] std::string name_of(const Piece& piece) const;
  // Of a method, by the address of HotSpot's record of it (Method).
  [[nodiscard]] std::string name_of_method(std::uint64_t method) const;

 private:
  enum Field : std::uint8_t {
    kHeaps,
    kArrayLength,
    kArrayItems,
    kHeapMemory,
    kHeapShift,
    kLow,
    kHigh,
    kBlockLength,
    kBlockUsed,
    kBlobName,
    kBlobCode,
    kBlobCodeEnd,
    kPrologue,
    kFrameSize,
    kMethod,
    kConstMethod,
    kConstants,
    kNameIndex,
    kHolder,
    kClassName,
    kSymbolLength,
    kSymbolBody,
    kFields
  };
  struct Known;

  explicit HotspotCode(Fd memory) : memory_(std::move(memory)) {}
  static const std::vector<Known>& known_fields();
  bool read_bytes(std::uint64_t address, void* to, std::size_t size) const;
  template <typename Value>
  [[nodiscard]] std::optional<Value> value_at(std::uint64_t address) const;
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const;  // 0: not there
  [[nodiscard]] std::string text_at(std::uint64_t address) const;
  [[nodiscard]] std::string symbol_at(std::uint64_t address) const;
  bool read_fields(std::uint64_t structs);
  bool read_sizes(std::uint64_t types);
  void add_pieces_of(std::uint64_t heap, std::size_t& blocks, std::vector<Piece>& pieces) const;

  Fd memory_;
  std::array<std::uint64_t, kFields> fields_{};  // offsets; of a static one its address
  std::uint64_t block_size_ = 0;                 // of HeapBlock
  std::uint64_t pool_size_ = 0;                  // of ConstantPool, before its items
};

// Looks again where it was not found: a virtual machine is loaded, and relocated, some time after
// its process has begun. A few times only: versions that keep other fields are not found at all.
class HotspotSearch {
 public:
  // Null: not found. See HotspotCode::find().
  const HotspotCode* in(int process, const MemoryMap& map);
  [[nodiscard]] const HotspotCode* found() const { return found_ ? &*found_ : nullptr; }

 private:
  std::optional<HotspotCode> found_;
  int tries_ = 0;
};

// How to step out of such code.
UnwindTable unwind_table(const std::vector<HotspotCode::Piece>& pieces);

}  // namespace cw
