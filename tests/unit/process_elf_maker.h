// Makes small ELF files, whose every byte the test knows.
#pragma once

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "model/fd.h"

namespace cw::test {

inline constexpr std::uint64_t kTextStart = 0x1000;
inline constexpr std::uint64_t kTextSize = 0x400;
inline constexpr std::uint64_t kDataStart = 0x3000;
inline constexpr std::uint64_t kDataSize = 0x100;  // in the file; as much again is .bss

struct MadeSymbol {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  unsigned type = STT_FUNC;
  unsigned binding = STB_GLOBAL;
};

class ElfMaker {
 public:
  std::vector<MadeSymbol> symtab;
  std::vector<MadeSymbol> dynsym;
  std::string text = std::string(kTextSize, '\xcc');
  std::string comment;

  // The file's bytes.
  [[nodiscard]] std::string make() {
    file_.assign(0x3000 + kDataSize, '\0');
    sections_.assign(1, Elf64_Shdr{});
    names_.assign(1, '\0');
    file_.replace(kTextStart, kTextSize, text);
    add(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, kTextStart, kTextStart, kTextSize);
    add(".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, kDataStart, kDataStart, kDataSize);
    add_symbols(".symtab", SHT_SYMTAB, symtab);
    add_symbols(".dynsym", SHT_DYNSYM, dynsym);
    add_content(".comment", SHT_PROGBITS, comment, 0, 0);
    add_build_id();
    add_dynamic();
    finish();
    return file_;
  }

 private:
  void add(std::string_view name, std::uint32_t type, std::uint64_t flags, std::uint64_t address,
           std::uint64_t offset, std::uint64_t size, std::uint32_t link = 0,
           std::uint64_t entry = 0) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<std::uint32_t>(names_.size());
    names_.append(name).push_back('\0');
    header.sh_type = type;
    header.sh_flags = flags;
    header.sh_addr = address;
    header.sh_offset = offset;
    header.sh_size = size;
    header.sh_link = link;
    header.sh_entsize = entry;
    header.sh_addralign = 8;
    sections_.push_back(header);
  }

  void add_content(std::string_view name, std::uint32_t type, std::string_view content,
                   std::uint32_t link, std::uint64_t entry) {
    file_.resize((file_.size() + 7) / 8 * 8);
    const std::uint64_t offset = file_.size();
    file_.append(content);
    add(name, type, 0, 0, offset, content.size(), link, entry);
  }

  template <typename Value>
  static void append(std::string& bytes, const Value& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void add_symbols(std::string_view name, std::uint32_t type, const std::vector<MadeSymbol>& list) {
    std::string strings(1, '\0');
    std::string table;
    append(table, Elf64_Sym{});
    for (const MadeSymbol& made : list) {
      Elf64_Sym symbol{};
      symbol.st_name = static_cast<std::uint32_t>(strings.size());
      strings.append(made.name).push_back('\0');
      symbol.st_info = static_cast<unsigned char>(ELF64_ST_INFO(made.binding, made.type));
      symbol.st_shndx = made.address >= kDataStart ? 2 : 1;
      symbol.st_value = made.address;
      symbol.st_size = made.size;
      append(table, symbol);
    }
    const auto here = static_cast<std::uint32_t>(sections_.size());
    add_content(name, type, table, here + 1, sizeof(Elf64_Sym));
    add_content(type == SHT_SYMTAB ? ".strtab" : ".dynstr", SHT_STRTAB, strings, 0, 0);
  }

  void add_build_id() {
    std::string note;
    append(note, Elf64_Nhdr{.n_namesz = 4, .n_descsz = 8, .n_type = NT_GNU_BUILD_ID});
    note.append("GNU\0abcdefgh", 12);
    add_content(".note.gnu.build-id", SHT_NOTE, note, 0, 0);
  }

  void add_dynamic() {
    const std::string strings = std::string("\0libx.so.1\0libc.so.6\0", 21);
    std::string table;
    append(table, Elf64_Dyn{.d_tag = DT_SONAME, .d_un = {.d_val = 1}});
    append(table, Elf64_Dyn{.d_tag = DT_NEEDED, .d_un = {.d_val = 11}});
    append(table, Elf64_Dyn{});
    const auto here = static_cast<std::uint32_t>(sections_.size());
    add_content(".dynamic", SHT_DYNAMIC, table, here + 1, sizeof(Elf64_Dyn));
    add_content(".names", SHT_STRTAB, strings, 0, 0);
  }

  static Elf64_Phdr load(std::uint32_t flags, std::uint64_t offset, std::uint64_t size,
                         std::uint64_t memory) {
    Elf64_Phdr program{};
    program.p_type = PT_LOAD;
    program.p_flags = flags;
    program.p_offset = offset;
    program.p_vaddr = offset;
    program.p_filesz = size;
    program.p_memsz = memory;
    program.p_align = 0x1000;
    return program;
  }

  void finish() {
    const auto names_index = static_cast<std::uint16_t>(sections_.size());
    const std::string names = names_ + std::string(".shstrtab\0", 10);
    add_content(".shstrtab", SHT_STRTAB, names, 0, 0);
    file_.resize((file_.size() + 7) / 8 * 8);

    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = kTextStart;
    header.e_phoff = sizeof header;
    header.e_shoff = file_.size();
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 3;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<std::uint16_t>(sections_.size());
    header.e_shstrndx = names_index;
    std::string front;
    append(front, header);
    append(front, load(PF_R, 0, 0x1000, 0x1000));
    append(front, load(PF_R | PF_X, kTextStart, kTextSize, kTextSize));
    append(front, load(PF_R | PF_W, kDataStart, kDataSize, 2 * kDataSize));
    file_.replace(0, front.size(), front);
    for (const Elf64_Shdr& section : sections_) append(file_, section);
  }

  std::string file_;
  std::vector<Elf64_Shdr> sections_;
  std::string names_;
};

// The bytes as a file that can be opened, read and cut.
inline Fd file_of(std::string_view bytes) {
  Fd file(::memfd_create("made.elf", MFD_CLOEXEC));
  const char* rest = bytes.data();
  std::size_t left = bytes.size();
  while (left > 0) {
    const ssize_t written = ::write(file.get(), rest, left);
    if (written <= 0) return {};
    rest += written;
    left -= static_cast<std::size_t>(written);
  }
  return file;
}

}  // namespace cw::test
