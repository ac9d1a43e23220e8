#include "process/hotspot_code.h"

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "process/elf_file.h"
#include "process/elf_symbol_reader.h"
#include "process/mapped_file.h"
#include "process/unwind_file.h"
#include "process/unwind_rows.h"

namespace cw {
namespace {

constexpr std::size_t kMaxEntries = std::size_t{1} << 14;  // of HotSpot's tables; there are 3,000
constexpr std::size_t kMaxHeaps = 16;                      // there are 3
constexpr std::size_t kMaxSymbolText = 255;
constexpr std::uint32_t kWord = 8;
// Each size is a rule of the machine's table.
constexpr std::int32_t kMostFrameWords = 1 << 13;

// VMStructEntry and VMTypeEntry: pointers, a number, more numbers; the same since JDK 7.
struct StructEntry {
  std::uint64_t type_name;
  std::uint64_t field_name;
  std::uint64_t type;
  std::int32_t is_static;
  std::int32_t padding;
  std::uint64_t offset;
  std::uint64_t address;
};
static_assert(sizeof(StructEntry) == 48);
struct TypeEntry {
  std::uint64_t name;
  std::uint64_t superclass;
  std::array<std::int32_t, 4> traits;
  std::uint64_t size;
};
static_assert(sizeof(TypeEntry) == 40);

// The beginning of a block of code: its header and HotSpot's record of it, read at once.
class BlockHead {
 public:
  BlockHead(int memory, std::uint64_t block, std::uint64_t end) {
    const auto wanted = std::min<std::uint64_t>(bytes_.size(), end - block);
    const auto got = ::pread(memory, bytes_.data(), wanted, static_cast<off_t>(block));
    size_ = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  // 0: not there.
  template <typename Value>
  [[nodiscard]] Value at(std::uint64_t offset) const {
    Value value{};
    if (offset < size_ && sizeof value <= size_ - offset)
      std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

 private:
  std::array<std::byte, 512> bytes_{};
  std::size_t size_ = 0;
};

// Not by the length of each symbol's name, which nothing bounds.
std::uint64_t variable(const SymbolPool& symbols, const std::string& name) {
  const std::size_t with_end = name.size() + 1;
  for (const RawSymbol& symbol : symbols.objects)
    if (symbols.names.compare(symbol.name, with_end, name.c_str(), with_end) == 0)
      return symbol.address;
  return 0;
}

}  // namespace

struct HotspotCode::Known {
  std::string_view type;
  std::string_view field;
  Field as;
};

const std::vector<HotspotCode::Known>& HotspotCode::known_fields() {
  static const std::vector<Known> kKnown = {
      {"CodeCache", "_heaps", kHeaps},
      {"GrowableArrayBase", "_len", kArrayLength},
      {"GenericGrowableArray", "_len", kArrayLength},  // before JDK 16
      {"GrowableArray<int>", "_data", kArrayItems},
      {"CodeHeap", "_memory", kHeapMemory},
      {"CodeHeap", "_log2_segment_size", kHeapShift},
      {"VirtualSpace", "_low", kLow},
      {"VirtualSpace", "_high", kHigh},
      {"HeapBlock::Header", "_length", kBlockLength},
      {"HeapBlock::Header", "_used", kBlockUsed},
      {"CodeBlob", "_name", kBlobName},
      {"CodeBlob", "_code_begin", kBlobCode},
      {"CodeBlob", "_code_end", kBlobCodeEnd},
      {"CodeBlob", "_frame_complete_offset", kPrologue},
      {"CodeBlob", "_frame_size", kFrameSize},
      {"CompiledMethod", "_method", kMethod},
      {"nmethod", "_method", kMethod},  // before JDK 10 and from 23 on
      {"Method", "_constMethod", kConstMethod},
      {"ConstMethod", "_constants", kConstants},
      {"ConstMethod", "_name_index", kNameIndex},
      {"ConstantPool", "_pool_holder", kHolder},
      {"Klass", "_name", kClassName},
      {"Symbol", "_length", kSymbolLength},
      {"Symbol", "_body", kSymbolBody},
  };
  return kKnown;
}

bool HotspotCode::read_bytes(std::uint64_t address, void* to, std::size_t size) const {
  return ::pread(memory_.get(), to, size, static_cast<off_t>(address)) ==
         static_cast<ssize_t>(size);
}

template <typename Value>
std::optional<Value> HotspotCode::value_at(std::uint64_t address) const {
  Value value{};
  return read_bytes(address, &value, sizeof value) ? std::optional(value) : std::nullopt;
}

std::uint64_t HotspotCode::word(std::uint64_t address) const {
  return value_at<std::uint64_t>(address).value_or(0);
}

// A page may end behind it.
std::string HotspotCode::text_at(std::uint64_t address) const {
  std::array<char, kMaxSymbolText> bytes{};
  const auto got = ::pread(memory_.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
  const std::string_view text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return std::string(text.substr(0, text.find('\0')));
}

std::string HotspotCode::symbol_at(std::uint64_t address) const {
  const auto length = value_at<std::uint16_t>(address + fields_[kSymbolLength]).value_or(0);
  std::string text(std::min<std::size_t>(length, kMaxSymbolText), '\0');
  if (!read_bytes(address + fields_[kSymbolBody], text.data(), text.size())) return {};
  std::ranges::replace(text, '/', '.');
  return text;
}

bool HotspotCode::read_fields(std::uint64_t structs) {
  std::array<bool, kFields> seen{};
  for (std::size_t i = 0; i < kMaxEntries; ++i) {
    const auto entry = value_at<StructEntry>(structs + i * sizeof(StructEntry));
    if (!entry || entry->type_name == 0) break;
    const std::string type = text_at(entry->type_name);
    const auto& known = known_fields();
    if (std::ranges::find(known, type, &Known::type) == known.end()) continue;
    const std::string field = text_at(entry->field_name);
    for (const Known& one : known) {
      if (one.type != type || one.field != field) continue;
      fields_[one.as] = entry->is_static != 0 ? entry->address : entry->offset;
      seen[one.as] = true;
    }
  }
  return std::ranges::all_of(seen, [](bool is) { return is; });
}

bool HotspotCode::read_sizes(std::uint64_t types) {
  for (std::size_t i = 0; i < kMaxEntries; ++i) {
    const auto entry = value_at<TypeEntry>(types + i * sizeof(TypeEntry));
    if (!entry || entry->name == 0) break;
    const std::string name = text_at(entry->name);
    if (name == "HeapBlock") block_size_ = entry->size;
    if (name == "ConstantPool") pool_size_ = entry->size;
  }
  return block_size_ != 0 && pool_size_ != 0;
}

namespace {

const Mapping* library_in(const MemoryMap& map) {
  const auto library = std::ranges::find_if(map.mappings(), [](const Mapping& mapping) {
    return mapping.executable && mapping.of_file() && mapping.path.ends_with("/libjvm.so");
  });
  return library == map.mappings().end() ? nullptr : &*library;
}

}  // namespace

const HotspotCode* HotspotSearch::in(int process, const MemoryMap& map) {
  constexpr int kTries = 4;
  if (!found_ && tries_ < kTries && library_in(map) != nullptr) {
    ++tries_;
    found_ = HotspotCode::find(process, map);
  }
  return found();
}

std::optional<HotspotCode> HotspotCode::find(int process, const MemoryMap& map) {
  const Mapping* const library = library_in(map);
  if (library == nullptr) return std::nullopt;
  const Fd file = open_mapped_file(process, *library);
  const auto elf = file ? open_elf(file.get()) : fail(Exit::kFailed, "");
  if (!elf) return std::nullopt;
  const auto bias = code_bias(code_segments(elf->get()), library->start, library->offset);
  SymbolPool symbols;
  read_symbols(elf->get(), symbols);
  const std::uint64_t structs = variable(symbols, "gHotSpotVMStructs");
  const std::uint64_t types = variable(symbols, "gHotSpotVMTypes");
  if (!bias || structs == 0 || types == 0) return std::nullopt;
  return open(Fd(::openat(process, "mem", O_RDONLY | O_CLOEXEC)), structs + *bias, types + *bias);
}

std::optional<HotspotCode> HotspotCode::open(Fd memory, std::uint64_t structs,
                                             std::uint64_t types) {
  if (!memory) return std::nullopt;
  HotspotCode code(std::move(memory));
  if (!code.read_fields(code.word(structs)) || !code.read_sizes(code.word(types)))
    return std::nullopt;
  return code;
}

std::vector<HotspotCode::Piece> HotspotCode::pieces() const {
  std::vector<Piece> pieces;
  const std::uint64_t heaps = word(fields_[kHeaps]);
  const auto count = value_at<std::int32_t>(heaps + fields_[kArrayLength]).value_or(0);
  const std::uint64_t items = word(heaps + fields_[kArrayItems]);
  std::size_t blocks = kMaxPieces;  // of all heaps together
  for (std::size_t i = 0; i < std::min<std::size_t>(std::max(count, 0), kMaxHeaps); ++i)
    add_pieces_of(word(items + i * kWord), blocks, pieces);
  std::ranges::sort(pieces, {}, &Piece::start);
  return pieces;
}

// A heap is blocks one behind the other, each with its length in segments.
void HotspotCode::add_pieces_of(std::uint64_t heap, std::size_t& blocks,
                                std::vector<Piece>& pieces) const {
  const auto shift = value_at<std::int32_t>(heap + fields_[kHeapShift]).value_or(0);
  const std::uint64_t memory = heap + fields_[kHeapMemory];
  const std::uint64_t high = word(memory + fields_[kHigh]);
  if (shift < 3 || shift > 20) return;
  std::uint64_t block = word(memory + fields_[kLow]);
  for (; block < high && blocks > 0; --blocks) {
    const BlockHead head(memory_.get(), block, high);
    const auto length = head.at<std::uint64_t>(fields_[kBlockLength]);
    if (length == 0 || length > (high - block) >> static_cast<unsigned>(shift)) break;
    const auto used = head.at<std::uint8_t>(fields_[kBlockUsed]);
    const std::uint64_t blob = block + block_size_;
    const std::uint64_t end = block + (length << static_cast<unsigned>(shift));
    Piece piece{.start = head.at<std::uint64_t>(block_size_ + fields_[kBlobCode]),
                .end = head.at<std::uint64_t>(block_size_ + fields_[kBlobCodeEnd]),
                .blob = blob};
    const auto frame = head.at<std::int32_t>(block_size_ + fields_[kFrameSize]);
    const auto prologue = head.at<std::int32_t>(block_size_ + fields_[kPrologue]);
    piece.frame_size =
        frame < 0 || frame > kMostFrameWords ? 0 : static_cast<std::uint32_t>(frame) * kWord;
    piece.prologue = static_cast<std::uint32_t>(std::max(prologue, 0));
    piece.interprets =
        piece.frame_size == 0 &&
        text_at(head.at<std::uint64_t>(block_size_ + fields_[kBlobName])) == "Interpreter";
    if (used != 0 && piece.start > blob && piece.start < piece.end && piece.end <= end)
      pieces.push_back(piece);
    block = end;
  }
}

std::string HotspotCode::name_of(const Piece& piece) const {
  std::string kind = text_at(word(piece.blob + fields_[kBlobName]));
  if (kind != "nmethod" && kind != "native nmethod") {
    kind.resize(std::min(kind.find(' '), kind.size()));  // "monitorenter Runtime1 stub"
    return kind;
  }
  return name_of_method(word(piece.blob + fields_[kMethod]));
}

std::string HotspotCode::name_of_method(std::uint64_t method) const {
  const std::uint64_t fixed = word(method + fields_[kConstMethod]);
  const std::uint64_t pool = word(fixed + fields_[kConstants]);
  const auto index = value_at<std::uint16_t>(fixed + fields_[kNameIndex]).value_or(0);
  const std::string name = symbol_at(word(pool + pool_size_ + std::uint64_t{index} * kWord));
  std::string holder = symbol_at(word(word(pool + fields_[kHolder]) + fields_[kClassName]));
  if (name.empty() || holder.empty()) return {};
  // A lambda's class, "Orders$$Lambda$1+0x00007f8288000c08": the number is another in each run.
  holder.resize(std::min(holder.find("+0x"), holder.size()));
  return holder + "." + name;
}

UnwindTable unwind_table(const std::vector<HotspotCode::Piece>& pieces) {
  constexpr std::int32_t kSize = kWord;
  constexpr UnwindRule kAtEntry = {.cfa = UnwindRule::Cfa::kSp, .cfa_offset = kSize};
  // frame::interpreter_frame_sender_sp_offset and ..._method_offset (frame_x86.hpp).
  constexpr UnwindRule kInterpreter = {
      .cfa = UnwindRule::Cfa::kInterpreted, .cfa_offset = -kSize, .cfa_plus = -3 * kSize};
  // Steps as where there is no row, but is known not to be new code.
  constexpr UnwindRule kByFramePointer = {.cfa = UnwindRule::Cfa::kNone, .number = 1};
  UnwindRows rows;
  for (const HotspotCode::Piece& piece : pieces) {
    rows.begin(piece.start, piece.end);
    if (piece.frame_size == 0) {
      rows.add(piece.start, piece.interprets ? kInterpreter : kByFramePointer);
      continue;
    }
    if (piece.prologue != 0) rows.add(piece.start, kAtEntry);
    if (piece.prologue < piece.end - piece.start)
      rows.add(piece.start + piece.prologue,
               {.cfa = UnwindRule::Cfa::kSp,
                .fp = UnwindRule::Fp::kAtCfa,
                .cfa_offset = static_cast<std::int32_t>(piece.frame_size),
                .fp_offset = -2 * kSize});
  }
  return std::move(rows).build();
}

}  // namespace cw
