#include "process/elf_plt.h"

#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/elf_file.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxStubs = std::uint64_t{4} << 20;  // bytes of a section of stubs
constexpr std::uint64_t kMaxRelocationBytes = std::uint64_t{96}
                                              << 20;          // bytes of a section of them
constexpr std::uint64_t kMaxAdded = std::uint64_t{16} << 20;  // bytes of names
constexpr std::size_t kMaxName = 4096;
constexpr int kMaxTables = 8;

// What the dynamic linker writes to an address: a symbol's, by its number and table.
struct Slot {
  std::uint64_t address = 0;
  std::uint32_t symbol = 0;
  std::uint32_t table = 0;  // section of the symbols
};

void add_slots(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::vector<Slot>& slots) {
  Elf_Data* table = ::elf_getdata(section, nullptr);
  const std::size_t entry = ::gelf_fsize(elf, ELF_T_RELA, 1, EV_CURRENT);
  if (table == nullptr || table->d_buf == nullptr || header.sh_size > kMaxRelocationBytes) return;
  for (std::size_t i = 0; i < table->d_size / entry; ++i) {
    GElf_Rela item{};
    if (::gelf_getrela(table, static_cast<int>(i), &item) == nullptr) return;
    const auto type = GELF_R_TYPE(item.r_info);
    if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
    slots.push_back({.address = item.r_offset,
                     .symbol = static_cast<std::uint32_t>(GELF_R_SYM(item.r_info)),
                     .table = header.sh_link});
  }
}

// "[endbr64] [bnd] jmp *there(%rip)": the address it reads; empty for other code.
std::optional<std::uint64_t> jump_slot(std::string_view code, std::uint64_t address) {
  using namespace std::string_view_literals;
  for (const std::string_view prefix : {"\xf3\x0f\x1e\xfa"sv, "\xf2"sv}) {
    if (!code.starts_with(prefix)) continue;
    code.remove_prefix(prefix.size());
    address += prefix.size();
  }
  constexpr std::size_t kLength = 6;
  if (code.size() < kLength || !code.starts_with("\xff\x25"sv)) return std::nullopt;
  std::int32_t distance = 0;
  std::memcpy(&distance, code.data() + 2, sizeof distance);
  return address + kLength + static_cast<std::uint64_t>(std::int64_t{distance});
}

std::string symbol_name(Elf* elf, const Slot& slot) {
  Elf_Scn* section = ::elf_getscn(elf, slot.table);
  GElf_Shdr header{};
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr ||
      (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
    return {};
  GElf_Sym symbol{};
  Elf_Data* table = ::elf_getdata(section, nullptr);
  if (table == nullptr || ::gelf_getsym(table, static_cast<int>(slot.symbol), &symbol) == nullptr)
    return {};
  return bounded_string(section_content(elf, header.sh_link, kMaxNames), symbol.st_name)
      .substr(0, kMaxName);
}

class Stubs {
 public:
  Stubs(Elf* elf, SymbolPool& pool) : elf_(elf), pool_(&pool) {}

  void read() {
    std::size_t names = 0;
    if (::elf_getshdrstrndx(elf_, &names) != 0) return;
    const std::string_view table = section_content(elf_, names, kMaxSmallSection);
    std::vector<std::pair<std::size_t, GElf_Shdr>> stubs;
    int relocations = 0;
    for (Elf_Scn* section = ::elf_nextscn(elf_, nullptr); section != nullptr;
         section = ::elf_nextscn(elf_, section)) {
      GElf_Shdr header{};
      if (::gelf_getshdr(section, &header) == nullptr) continue;
      if (header.sh_type == SHT_RELA && relocations++ < kMaxTables)
        add_slots(elf_, section, header, slots_);
      const std::string name = bounded_string(table, header.sh_name);
      if (stubs.size() < kMaxTables && (name == ".plt" || name.starts_with(".plt.")))
        stubs.emplace_back(::elf_ndxscn(section), header);
    }
    std::ranges::sort(slots_, {}, &Slot::address);
    for (const auto& [index, header] : stubs) name_stubs(index, header);
  }

 private:
  void name_stubs(std::size_t index, const GElf_Shdr& header) {
    const std::string_view code = section_content(elf_, index, kMaxStubs);
    const std::size_t entry = header.sh_entsize == 8 ? 8 : 16;
    for (std::size_t at = 0; at + entry <= code.size(); at += entry) {
      const auto place = jump_slot(code.substr(at, entry), header.sh_addr + at);
      if (place) name_stub(*place, header.sh_addr + at, entry);
    }
  }

  void name_stub(std::uint64_t place, std::uint64_t address, std::size_t size) {
    const auto slot = std::ranges::lower_bound(slots_, place, {}, &Slot::address);
    if (slot == slots_.end() || slot->address != place) return;
    const std::string name = symbol_name(elf_, *slot);
    added_ += name.size();
    if (name.empty() || added_ > kMaxAdded) return;
    const auto offset = pool_->add_names(name + "@plt");
    if (!offset) return;
    pool_->functions.push_back({.address = address,
                                .size = size,
                                .limit = address + size,
                                .name = static_cast<std::uint32_t>(*offset),
                                .binding = STB_LOCAL,
                                .from_symtab = false});
  }

  Elf* elf_;
  SymbolPool* pool_;
  std::vector<Slot> slots_;
  std::uint64_t added_ = 0;
};

}  // namespace

void read_plt(Elf* elf, SymbolPool& pool) {
  Stubs(elf, pool).read();
}

}  // namespace cw
