#include "process/elf_imports.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "process/demangle.h"
#include "process/elf_file.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxReadSection = std::uint64_t{64} << 20;
constexpr std::size_t kMaxImports = std::size_t{1} << 17;

// A section's content as entries of its type; null when it is none or too large.
Elf_Data* content_of(Elf_Scn* section) {
  GElf_Shdr header{};
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) return nullptr;
  if (header.sh_type == SHT_NOBITS || header.sh_size > kMaxReadSection) return nullptr;
  return ::elf_getdata(section, nullptr);
}

std::string_view string_at(const Elf_Data* table, std::uint64_t offset) {
  if (table == nullptr || table->d_buf == nullptr || offset >= table->d_size) return {};
  const char* text = static_cast<const char*>(table->d_buf) + offset;
  return {text, ::strnlen(text, std::min<std::size_t>(table->d_size - offset, kMaxMangled))};
}

class Relocations {
 public:
  explicit Relocations(Elf* elf) : elf_(elf) {}

  void add(Elf_Scn* section, const GElf_Shdr& header, ElfImports& into) {
    Elf_Data* entries = content_of(section);
    Elf_Scn* symbol_section = ::elf_getscn(elf_, header.sh_link);
    Elf_Data* symbols = content_of(symbol_section);
    GElf_Shdr symbol_header{};
    if (entries == nullptr || symbols == nullptr ||
        ::gelf_getshdr(symbol_section, &symbol_header) == nullptr)
      return;
    const Elf_Data* names = content_of(::elf_getscn(elf_, symbol_header.sh_link));
    const std::size_t count = entries->d_size / sizeof(Elf64_Rela);
    for (std::size_t i = 0; i < count && into.size() < kMaxImports; ++i) {
      GElf_Rela entry{};
      if (::gelf_getrela(entries, static_cast<int>(i), &entry) == nullptr) return;
      const auto type = GELF_R_TYPE(entry.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) continue;
      GElf_Sym symbol{};
      if (::gelf_getsym(symbols, static_cast<int>(GELF_R_SYM(entry.r_info)), &symbol) == nullptr)
        continue;
      if (GELF_ST_TYPE(symbol.st_info) == STT_OBJECT) continue;
      into.try_emplace(entry.r_offset,
                       ElfImport{.name = std::string(string_at(names, symbol.st_name)),
                                 .vaddr = symbol.st_shndx == SHN_UNDEF ? 0 : symbol.st_value});
    }
  }

 private:
  Elf* elf_;
};

}  // namespace

ElfImports read_imports(int file) {
  ElfImports imports;
  if (::elf_version(EV_CURRENT) == EV_NONE) return imports;
  const ElfHandle elf(::elf_begin(file, ELF_C_READ, nullptr));
  GElf_Ehdr header{};
  if (!elf || ::gelf_getehdr(elf.get(), &header) == nullptr || header.e_machine != EM_X86_64 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return imports;
  std::size_t count = 0;
  if (::elf_getshdrnum(elf.get(), &count) != 0) return imports;
  Relocations relocations(elf.get());
  for (std::size_t i = 1; i < std::min(count, kMaxSections); ++i) {
    Elf_Scn* section = ::elf_getscn(elf.get(), i);
    GElf_Shdr section_header{};
    if (section == nullptr || ::gelf_getshdr(section, &section_header) == nullptr) continue;
    if (section_header.sh_type == SHT_RELA) relocations.add(section, section_header, imports);
  }
  return imports;
}

}  // namespace cw
