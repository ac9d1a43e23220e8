#include "process/elf_symbol_reader.h"

#include <gelf.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "process/elf_file.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxSymbolTable = std::uint64_t{96}
                                          << 20;  // bytes of one symbol table (4 M)

class SymbolReader {
 public:
  SymbolReader(Elf* elf, SymbolPool& pool) : elf_(elf), pool_(&pool) {}
  void read();

 private:
  void read_table(Elf_Scn* section, const GElf_Shdr& header);
  void add(const GElf_Sym& symbol, std::uint64_t first_name, std::uint64_t names_size,
           bool from_symtab);

  Elf* elf_;
  SymbolPool* pool_;
  std::vector<std::uint64_t> section_ends_;
};

void SymbolReader::read() {
  std::size_t count = 0;
  if (::elf_getshdrnum(elf_, &count) != 0) return;
  count = std::min(count, kMaxSections);
  section_ends_.assign(count, 0);
  // Ends first: a symbol table may come before the sections its symbols lie in.
  std::pair<Elf_Scn*, GElf_Shdr> symtab{};
  std::pair<Elf_Scn*, GElf_Shdr> dynsym{};
  for (std::size_t i = 1; i < count; ++i) {
    Elf_Scn* section = ::elf_getscn(elf_, i);
    GElf_Shdr header{};
    if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) continue;
    section_ends_[i] = header.sh_addr + header.sh_size;
    if (header.sh_type == SHT_SYMTAB && symtab.first == nullptr) symtab = {section, header};
    if (header.sh_type == SHT_DYNSYM && dynsym.first == nullptr) dynsym = {section, header};
  }
  if (symtab.first != nullptr) read_table(symtab.first, symtab.second);
  if (dynsym.first != nullptr) read_table(dynsym.first, dynsym.second);
}

void SymbolReader::read_table(Elf_Scn* section, const GElf_Shdr& header) {
  const std::uint64_t entry = ::gelf_fsize(elf_, ELF_T_SYM, 1, EV_CURRENT);
  if (header.sh_size > kMaxSymbolTable || entry == 0 || header.sh_entsize != entry) {
    pool_->cut = true;
    return;
  }
  const std::string_view names = section_content(elf_, header.sh_link, kMaxNames);
  Elf_Data* table = ::elf_getdata(section, nullptr);
  if (table == nullptr || table->d_buf == nullptr) return;
  const auto first_name = pool_->add_names(names);
  if (!first_name) return;
  const bool from_symtab = header.sh_type == SHT_SYMTAB;
  for (std::size_t i = 0; i < table->d_size / entry; ++i) {
    GElf_Sym symbol{};
    if (::gelf_getsym(table, static_cast<int>(i), &symbol) == nullptr) break;
    add(symbol, *first_name, names.size(), from_symtab);
  }
}

void SymbolReader::add(const GElf_Sym& symbol, std::uint64_t first_name, std::uint64_t names_size,
                       bool from_symtab) {
  const unsigned type = GELF_ST_TYPE(symbol.st_info);
  const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (!is_function && type != STT_OBJECT) return;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || symbol.st_name == 0) return;
  if (symbol.st_name >= names_size || symbol.st_value + symbol.st_size < symbol.st_value) return;
  const auto name = static_cast<std::uint32_t>(first_name + symbol.st_name);
  if (pool_->names[name] == '\0') return;
  const std::uint64_t limit =
      symbol.st_shndx < section_ends_.size() ? section_ends_[symbol.st_shndx] : 0;
  (is_function ? pool_->functions : pool_->objects)
      .push_back({.address = symbol.st_value,
                  .size = symbol.st_size,
                  .limit = limit,
                  .name = name,
                  .binding = static_cast<std::uint8_t>(GELF_ST_BIND(symbol.st_info)),
                  .from_symtab = from_symtab,
                  .indirect = type == STT_GNU_IFUNC});
}

}  // namespace

std::optional<std::uint64_t> SymbolPool::add_names(std::string_view strings) {
  if (strings.empty() || names.size() + strings.size() >= 0x1fffffff) {
    cut = true;
    return std::nullopt;
  }
  const std::uint64_t first = names.size();
  names.append(strings);
  names.push_back('\0');
  return first;
}

void read_symbols(Elf* elf, SymbolPool& pool) {
  SymbolReader(elf, pool).read();
}

}  // namespace cw
