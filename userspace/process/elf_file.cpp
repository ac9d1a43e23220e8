#include "process/elf_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "process/proc_files.h"

namespace cw {
namespace {

constexpr int kMaxNotes = 64;  // sections
constexpr std::size_t kMaxBuildId = 64;

std::string_view bytes_of(const Elf_Data* content) {
  if (content == nullptr || content->d_buf == nullptr) return {};
  return {static_cast<const char*>(content->d_buf), content->d_size};
}

// libelf allocates for as many sections as the header claims, before it can be asked.
std::optional<std::string> objection_to(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return "not a regular file";
  std::array<char, sizeof(Elf64_Ehdr)> bytes{};
  const std::size_t got = read_at(file, 0, bytes);
  if (got < sizeof(Elf32_Ehdr) || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    return "not an ELF file";
  if (bytes[EI_DATA] != ELFDATA2LSB) return "ELF file for a big-endian machine";
  std::uint64_t section_table = 0;
  std::uint16_t sections = 0;
  std::uint16_t segments = 0;
  if (bytes[EI_CLASS] == ELFCLASS64 && got == sizeof(Elf64_Ehdr)) {
    Elf64_Ehdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    section_table = header.e_shoff;
    sections = header.e_shnum;
    segments = header.e_phnum;
  } else if (bytes[EI_CLASS] == ELFCLASS32) {
    Elf32_Ehdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    section_table = header.e_shoff;
    sections = header.e_shnum;
    segments = header.e_phnum;
  } else {
    return "ELF file of an unknown class";
  }
  if ((sections == 0 && section_table != 0) || sections > kMaxSections)
    return "ELF file with extended section numbers";
  if (segments > kMaxSegments) return "ELF file with too many program headers";
  return std::nullopt;
}

std::string build_id_in(Elf_Data* notes) {
  const std::string_view content = bytes_of(notes);
  GElf_Nhdr note{};
  std::size_t name = 0;
  std::size_t value = 0;
  for (std::size_t at = 0; !content.empty() && at < content.size();) {
    at = ::gelf_getnote(notes, at, &note, &name, &value);
    if (at == 0) return {};
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof "GNU" ||
        note.n_descsz > kMaxBuildId)
      continue;
    if (name > content.size() || value > content.size()) return {};
    if (content.substr(name, sizeof "GNU" - 1) != "GNU") continue;
    return std::string(content.substr(value, note.n_descsz));
  }
  return {};
}

}  // namespace

Result<ElfHandle> open_elf(int file) {
  if (auto objection = objection_to(file)) return fail(Exit::kFailed, *std::move(objection));
  if (::elf_version(EV_CURRENT) == EV_NONE) return fail(Exit::kFailed, "libelf is too old");
  ElfHandle elf(::elf_begin(file, ELF_C_READ, nullptr));
  if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF) return fail(Exit::kFailed, "not an ELF file");
  return elf;
}

std::string_view section_content(Elf* elf, std::size_t index, std::uint64_t limit) {
  Elf_Scn* section = ::elf_getscn(elf, index);
  GElf_Shdr header{};
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) return {};
  if (header.sh_type == SHT_NOBITS || header.sh_size > limit) return {};
  return bytes_of(::elf_rawdata(section, nullptr));
}

std::string_view section_content(Elf* elf, std::string_view name, std::uint64_t limit) {
  std::size_t count = 0;
  std::size_t names = 0;
  if (::elf_getshdrnum(elf, &count) != 0 || ::elf_getshdrstrndx(elf, &names) != 0) return {};
  const std::string_view table = section_content(elf, names, kMaxSmallSection);
  for (std::size_t i = 1; i < std::min(count, kMaxSections); ++i) {
    Elf_Scn* section = ::elf_getscn(elf, i);
    GElf_Shdr header{};
    if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_name >= table.size()) continue;
    const std::string_view here = table.substr(header.sh_name);
    if (here.starts_with(name) && (here.size() == name.size() || here[name.size()] == '\0'))
      return section_content(elf, i, limit);
  }
  return {};
}

std::string bounded_string(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return {};
  table.remove_prefix(offset);
  return std::string(table.substr(0, std::min(table.find('\0'), kMaxShortText)));
}

std::string build_id_of(Elf* elf) {
  std::size_t count = 0;
  if (::elf_getshdrnum(elf, &count) != 0) return {};
  int notes = 0;
  for (std::size_t i = 1; i < std::min(count, kMaxSections); ++i) {
    Elf_Scn* section = ::elf_getscn(elf, i);
    GElf_Shdr header{};
    if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type != SHT_NOTE || header.sh_size > kMaxSmallSection) continue;
    if (++notes > kMaxNotes) break;
    if (std::string id = build_id_in(::elf_getdata(section, nullptr)); !id.empty()) return id;
  }
  return {};
}

}  // namespace cw
