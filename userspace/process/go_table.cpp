#include "process/go_table.h"

#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "process/elf_file.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxGoTable = std::uint64_t{256} << 20;  // bytes; large programs have 50 MB
constexpr std::size_t kMaxFunctions = std::size_t{1} << 22;
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kMaxRelocations = std::size_t{1} << 22;

constexpr std::uint32_t kMagic16 = 0xfffffffa;
constexpr std::uint32_t kMagic18 = 0xfffffff0;
constexpr std::uint32_t kMagic20 = 0xfffffff1;

// Fields of a function's record behind its entry point, in units of 4 bytes (runtime._func).
constexpr unsigned kName = 0;
constexpr unsigned kStackSteps = 3;
constexpr unsigned kFileSteps = 4;
constexpr unsigned kLineSteps = 5;
constexpr unsigned kTables = 6;  // how many other tables follow the record
constexpr unsigned kUnit = 7;
constexpr unsigned kInlined = 2;  // number of the one that tells inlined code

// An unsigned number of `bytes` bytes, 0 behind the end.
std::uint64_t number_at(std::string_view bytes, std::uint64_t offset, std::size_t width) {
  std::uint64_t value = 0;
  if (offset <= bytes.size() && width <= bytes.size() - offset)
    std::memcpy(&value, bytes.data() + offset, width);
  return value;
}

std::optional<std::uint32_t> word_at(std::string_view bytes, std::uint64_t offset) {
  std::uint32_t value = 0;
  if (offset > bytes.size() || sizeof value > bytes.size() - offset) return std::nullopt;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// Base 128, least significant first.
std::optional<std::uint32_t> take_varint(std::string_view& bytes) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= shift < 32 ? static_cast<std::uint32_t>(byte & 0x7fU) << shift : 0;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

std::string_view part(std::string_view bytes, std::uint64_t begin, std::uint64_t end) {
  if (begin > end || end > bytes.size()) return {};
  return bytes.substr(begin, end - begin);
}

std::string_view string_at(std::string_view strings, std::uint64_t offset) {
  if (offset >= strings.size()) return {};
  strings = strings.substr(offset, kMaxPath);
  return strings.substr(0, strings.find('\0'));
}

// The value that the dynamic linker writes to `address` ("base + addend"), for what the linker
// left 0 in the file.
std::optional<std::uint64_t> relocated(Elf* elf, std::uint64_t address) {
  std::size_t left = kMaxRelocations;  // of all sections together
  std::size_t count = 0;
  for (Elf_Scn* section = ::elf_nextscn(elf, nullptr); section != nullptr && count < kMaxSections;
       section = ::elf_nextscn(elf, section), ++count) {
    GElf_Shdr header{};
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA) continue;
    const std::size_t items = header.sh_size / sizeof(Elf64_Rela);
    if (items > left) continue;
    left -= items;
    Elf_Data* table = ::elf_getdata(section, nullptr);
    const std::size_t entry = ::gelf_fsize(elf, ELF_T_RELA, 1, EV_CURRENT);
    for (std::size_t i = 0; table != nullptr && i < table->d_size / entry; ++i) {
      GElf_Rela item{};
      if (::gelf_getrela(table, static_cast<int>(i), &item) == nullptr) break;
      if (item.r_offset == address) return static_cast<std::uint64_t>(item.r_addend);
    }
  }
  return std::nullopt;
}

struct Place {
  std::string_view bytes;
  std::uint64_t address = 0;
};

std::optional<Place> find_section(Elf* elf, std::string_view ending) {
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  const std::string_view table = section_content(elf, names, kMaxSmallSection);
  std::size_t count = 0;
  for (Elf_Scn* section = ::elf_nextscn(elf, nullptr); section != nullptr && count < kMaxSections;
       section = ::elf_nextscn(elf, section), ++count) {
    GElf_Shdr header{};
    if (::gelf_getshdr(section, &header) == nullptr) continue;
    if (!bounded_string(table, header.sh_name).ends_with(ending)) continue;
    return Place{.bytes = section_content(elf, ::elf_ndxscn(section), kMaxGoTable),
                 .address = header.sh_addr};
  }
  return std::nullopt;
}

std::optional<GoTable> table_in(Elf* elf, const Place& place) {
  std::uint64_t text = 0;
  constexpr std::uint64_t kTextField = 8 + std::uint64_t{2} * 8;
  if (word_at(place.bytes, 0) != kMagic16 && number_at(place.bytes, kTextField, 8) == 0)
    text = relocated(elf, place.address + kTextField).value_or(0);
  return GoTable::open(place.bytes, text);
}

}  // namespace

std::optional<GoTable> GoTable::open(std::string_view bytes, std::uint64_t text) {
  GoTable table;
  const auto magic = word_at(bytes, 0);
  if (magic == kMagic16)
    table.version_ = Version::k16;
  else if (magic == kMagic18)
    table.version_ = Version::k18;
  else if (magic != kMagic20)
    return std::nullopt;
  // {magic, 0, 0, quantum, pointer size}, then words: functions, files, [where code begins,]
  // offsets of names, units' files, files, steps, functions.
  if (number_at(bytes, 4, 2) != 0) return std::nullopt;
  table.quantum_ = static_cast<std::uint8_t>(number_at(bytes, 6, 1));
  table.pointer_ = static_cast<std::uint8_t>(number_at(bytes, 7, 1));
  if ((table.quantum_ != 1 && table.quantum_ != 2 && table.quantum_ != 4) ||
      (table.pointer_ != 4 && table.pointer_ != 8))
    return std::nullopt;
  const auto word = [&](std::uint64_t index) {
    return number_at(bytes, 8 + index * table.pointer_, table.pointer_);
  };
  const bool has_text = table.version_ != Version::k16;
  const std::uint64_t first = has_text ? 3 : 2;
  table.functions_ = word(0);
  table.text_ = has_text && word(2) != 0 ? word(2) : text;
  table.names_ = part(bytes, word(first), word(first + 1));
  table.file_numbers_ = part(bytes, word(first + 1), word(first + 2));
  table.file_names_ = part(bytes, word(first + 2), word(first + 3));
  table.steps_ = part(bytes, word(first + 3), word(first + 4));
  table.index_ = part(bytes, word(first + 4), bytes.size());
  const std::size_t entry = has_text ? 4 : table.pointer_;
  // Since Go 1.26 the table no longer says where code begins.
  if (has_text && table.text_ == 0) return std::nullopt;
  if (table.functions_ > kMaxFunctions || table.names_.empty() ||
      (table.functions_ * 2 + 1) * entry > table.index_.size())
    return std::nullopt;
  return table;
}

std::optional<GoTable> GoTable::of(Elf* elf) {
  if (const auto place = find_section(elf, ".gopclntab")) return table_in(elf, *place);
  if (!find_section(elf, ".go.buildinfo")) return std::nullopt;
  // The system's linker puts it among other read-only data of position-independent programs.
  const auto all = find_section(elf, ".data.rel.ro");
  constexpr std::size_t kAlignment = 32;
  int attempts = 16;  // its first bytes may be there by chance, but not often
  for (std::size_t at = 0; all && at + kAlignment < all->bytes.size(); at += kAlignment) {
    const auto magic = word_at(all->bytes, at);
    if (magic != kMagic16 && magic != kMagic18 && magic != kMagic20) continue;
    if (attempts-- == 0) break;
    const Place place{.bytes = all->bytes.substr(at), .address = all->address + at};
    if (auto table = table_in(elf, place)) return table;
  }
  return std::nullopt;
}

std::uint64_t GoTable::entry_of(std::size_t index) const {
  if (version_ == Version::k16) return number_at(index_, index * 2 * pointer_, pointer_);
  return text_ + number_at(index_, index * 8, 4);
}

std::optional<GoTable::Function> GoTable::function(std::size_t index) const {
  if (index >= functions_) return std::nullopt;
  Function function;
  function.start = entry_of(index);
  function.end = entry_of(index + 1);
  function.details = version_ == Version::k16
                         ? number_at(index_, (index * 2 + 1) * pointer_, pointer_)
                         : number_at(index_, index * 8 + 4, 4);
  const auto name = field(function, kName);
  if (function.start >= function.end || !name || *name >= names_.size()) return std::nullopt;
  function.name = *name;
  return function;
}

std::optional<GoTable::Function> GoTable::function_at(std::uint64_t vaddr) const {
  std::size_t low = 0;
  std::size_t high = functions_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (entry_of(middle) <= vaddr)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0) return std::nullopt;
  const auto found = function(low - 1);
  return found && vaddr < found->end ? found : std::nullopt;
}

std::optional<std::uint32_t> GoTable::field(const Function& function, unsigned index) const {
  const std::size_t entry = version_ == Version::k16 ? pointer_ : 4;
  if (function.details > index_.size()) return std::nullopt;
  return word_at(index_, function.details + entry + std::uint64_t{index} * 4);
}

bool GoTable::Steps::next() {
  const auto change = take_varint(bytes_);
  if (!change || (*change == 0 && !is_first_)) return false;
  const auto length = take_varint(bytes_);
  if (!length) return false;
  // Zigzag: the sign is the lowest bit.
  value_ += (*change & 1U) != 0 ? -std::int64_t{(*change >> 1) + 1} : std::int64_t{*change >> 1};
  end_ += std::uint64_t{*length} * quantum_;
  is_first_ = false;
  return true;
}

GoTable::Steps GoTable::steps_of(std::uint32_t table, const Function& function) const {
  const bool is_told = table != 0 && table < steps_.size();
  return {is_told ? steps_.substr(table) : std::string_view(), function.start, quantum_};
}

GoTable::Steps GoTable::stack_sizes(const Function& function) const {
  return steps_of(field(function, kStackSteps).value_or(0), function);
}

std::optional<std::int32_t> GoTable::value_at(std::uint32_t table, const Function& function,
                                              std::uint64_t vaddr) const {
  for (Steps steps = steps_of(table, function); steps.next();)
    if (vaddr < steps.end()) return steps.value();
  return std::nullopt;
}

bool GoTable::is_inlined(const Function& function, std::uint64_t vaddr) const {
  const auto tables = field(function, kTables);
  if (!tables || *tables <= kInlined) return false;
  // Behind the fixed fields (from 1.20 on with the first line) and four small ones.
  const unsigned behind = kUnit + (version_ == Version::k20 ? 3 : 2);
  const auto table = field(function, behind + kInlined);
  return table && value_at(*table, function, vaddr).value_or(-1) >= 0;
}

std::string_view GoTable::file_at(const Function& function, std::uint64_t vaddr) const {
  const auto steps = field(function, kFileSteps);
  const auto unit = field(function, kUnit);
  if (!steps || !unit) return {};
  const auto number = value_at(*steps, function, vaddr);
  if (!number || *number < 0) return {};
  const auto name =
      word_at(file_numbers_, (std::uint64_t{*unit} + static_cast<unsigned>(*number)) * 4);
  return name ? string_at(file_names_, *name) : std::string_view();
}

SourceFrames GoTable::at(std::uint64_t vaddr) const {
  const auto function = function_at(vaddr);
  if (!function) return {};
  SourceFrame frame;
  frame.function = string_at(names_, function->name);
  if (!is_inlined(*function, vaddr)) {
    frame.file = file_at(*function, vaddr);
    const auto line = value_at(field(*function, kLineSteps).value_or(0), *function, vaddr);
    frame.line = static_cast<std::uint32_t>(std::max(line.value_or(0), 0));
  }
  return {std::move(frame)};
}

void read_go_functions(Elf* elf, SymbolPool& pool) {
  const auto table = GoTable::of(elf);
  if (!table) return;
  const auto first_name = pool.add_names(table->names());
  if (!first_name) return;
  for (std::size_t i = 0; i < table->functions(); ++i) {
    const auto function = table->function(i);
    if (!function || string_at(table->names(), function->name).empty()) continue;
    pool.functions.push_back({.address = function->start,
                              .size = function->end - function->start,
                              .limit = function->end,
                              .name = static_cast<std::uint32_t>(*first_name + function->name),
                              .binding = 0,
                              .from_symtab = true});
  }
}

}  // namespace cw
