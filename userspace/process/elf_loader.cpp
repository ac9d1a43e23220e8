// Loading an ELF file with libelf.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "process/elf_file.h"
#include "process/elf_plt.h"
#include "process/elf_symbol_reader.h"
#include "process/elf_symbols.h"
#include "process/go_table.h"
#include "process/memory_file.h"
#include "process/mini_debug.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::size_t kMaxNeeded = 1024;
constexpr std::uint64_t kMaxScanned = std::uint64_t{64} << 20;  // bytes of code, all segments
constexpr std::size_t kMaxThreadStarts = 16;

class Loader {
 public:
  Loader(int file, Elf* elf) : file_(file), elf_(elf) {}

  Result<LoadedElf> load(const FindDebugFile& find_debug_file);

 private:
  bool read_segments(const GElf_Ehdr& header);
  void read_sections();
  void read_section(Elf_Scn* section, const GElf_Shdr& header);
  void read_dynamic(Elf_Scn* section, const GElf_Shdr& header);
  void read_debug_link();
  void read_names(const FindDebugFile& find_debug_file);
  void read_names_of(int file);
  void find_thread_starts();
  [[nodiscard]] bool may_start_threads() const;
  void scan_for_thread_starts(const ElfSegment& segment);
  [[nodiscard]] std::string read_text(std::uint64_t offset, std::uint64_t size) const;

  int file_;
  Elf* elf_;
  ElfContents contents_;
  std::string_view section_names_;
  SymbolPool pool_;
  DebugFile debug_;
  bool have_symtab_ = false;
  bool have_dynamic_ = false;  // a hostile file must not make us read thousands
  std::uint64_t scanned_ = 0;
};

std::string Loader::read_text(std::uint64_t offset, std::uint64_t size) const {
  std::string text(std::min<std::uint64_t>(size, kMaxShortText), '\0');
  text.resize(read_at(file_, offset, text));
  return text;
}

bool Loader::read_segments(const GElf_Ehdr& header) {
  for (std::size_t i = 0; i < std::min<std::size_t>(header.e_phnum, kMaxSegments); ++i) {
    GElf_Phdr program{};
    if (::gelf_getphdr(elf_, static_cast<int>(i), &program) == nullptr) return false;
    if (program.p_type == PT_INTERP) {
      const std::string path = read_text(program.p_offset, program.p_filesz);
      contents_.interpreter = bounded_string(path, 0);
    }
    if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
    if (program.p_vaddr + program.p_memsz < program.p_vaddr) continue;
    contents_.segments.push_back({.offset = program.p_offset,
                                  .file_size = std::min(program.p_filesz, program.p_memsz),
                                  .address = program.p_vaddr,
                                  .memory_size = program.p_memsz,
                                  .writable = (program.p_flags & PF_W) != 0,
                                  .executable = (program.p_flags & PF_X) != 0});
  }
  return true;
}

void Loader::read_sections() {
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf_, &names) == 0)
    section_names_ = section_content(elf_, names, kMaxSmallSection);
  std::size_t count = 0;
  if (::elf_getshdrnum(elf_, &count) != 0) return;
  for (std::size_t i = 1; i < std::min(count, kMaxSections); ++i) {
    Elf_Scn* section = ::elf_getscn(elf_, i);
    GElf_Shdr header{};
    if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) continue;
    read_section(section, header);
  }
}

void Loader::read_section(Elf_Scn* section, const GElf_Shdr& header) {
  constexpr std::size_t kMaxName = 64;
  std::string name = bounded_string(section_names_, header.sh_name).substr(0, kMaxName);
  have_symtab_ = have_symtab_ || header.sh_type == SHT_SYMTAB;
  if (header.sh_type == SHT_DYNAMIC && !std::exchange(have_dynamic_, true))
    read_dynamic(section, header);
  const bool in_file = header.sh_type != SHT_NOBITS;
  if (in_file && name == ".comment" && contents_.comment.empty())
    contents_.comment = read_text(header.sh_offset, header.sh_size);
  contents_.sections.push_back({.name = std::move(name),
                                .address = header.sh_addr,
                                .offset = header.sh_offset,
                                .size = header.sh_size,
                                .in_file = in_file,
                                .executable = (header.sh_flags & SHF_EXECINSTR) != 0});
}

void Loader::read_dynamic(Elf_Scn* section, const GElf_Shdr& header) {
  if (header.sh_type == SHT_NOBITS || header.sh_size > kMaxSmallSection) return;
  const std::string_view names = section_content(elf_, header.sh_link, kMaxNames);
  Elf_Data* table = ::elf_getdata(section, nullptr);
  const std::size_t entry = ::gelf_fsize(elf_, ELF_T_DYN, 1, EV_CURRENT);
  if (table == nullptr || entry == 0) return;
  for (std::size_t i = 0; i < table->d_size / entry; ++i) {
    GElf_Dyn item{};
    if (::gelf_getdyn(table, static_cast<int>(i), &item) == nullptr || item.d_tag == DT_NULL) break;
    if (item.d_tag == DT_SONAME) contents_.soname = bounded_string(names, item.d_un.d_val);
    if (item.d_tag == DT_NEEDED && contents_.needed.size() < kMaxNeeded)
      contents_.needed.push_back(bounded_string(names, item.d_un.d_val));
  }
}

// The name of a file, padded with NUL to a multiple of 4, and its checksum.
void Loader::read_debug_link() {
  const std::string_view link = section_content(elf_, ".gnu_debuglink", kMaxShortText);
  const auto end = link.find('\0');
  if (end == std::string_view::npos) return;
  const std::size_t at = (end + 4) / 4 * 4;
  if (link.size() < at + sizeof contents_.debug_link_checksum) return;
  contents_.debug_link = link.substr(0, end);
  std::memcpy(&contents_.debug_link_checksum, link.data() + at,
              sizeof contents_.debug_link_checksum);
}

// In libraries that start threads, and in static programs without names.
bool Loader::may_start_threads() const {
  if (pool_.functions.empty()) return contents_.interpreter.empty() && contents_.needed.empty();
  return std::ranges::any_of(pool_.functions, [this](const RawSymbol& symbol) {
    const auto name = std::string_view(pool_.names.data() + symbol.name);
    return name == "clone" || name == "__clone" || name.starts_with("clone@");
  });
}

void Loader::find_thread_starts() {
  if (!may_start_threads()) return;
  for (const ElfSegment& segment : contents_.segments) {
    if (segment.executable) scan_for_thread_starts(segment);
  }
}

// x86-64: what follows the call of the thread's function in clone() and clone3(), which is to exit
// with its result. Other machines have to do with names.
void Loader::scan_for_thread_starts(const ElfSegment& segment) {
  // mov %rax,%rdi; mov $60,%eax; syscall (glibc) and mov %eax,%edi; xor %eax,%eax; mov $60,%al;
  // syscall (musl)
  constexpr std::array<std::string_view, 2> kTails = {
      std::string_view("\x48\x89\xc7\xb8\x3c\0\0\0\x0f\x05", 10),
      std::string_view("\x89\xc7\x31\xc0\xb0\x3c\x0f\x05", 8)};
  constexpr std::size_t kLongest = 10;
  std::string window(std::size_t{256} << 10, '\0');
  const std::uint64_t size = std::min(segment.file_size, kMaxScanned - scanned_);
  scanned_ += size;
  for (std::uint64_t start = 0; start < size; start += window.size() - kLongest) {
    const std::size_t wanted = std::min<std::uint64_t>(window.size(), size - start);
    const std::size_t got = read_at(file_, segment.offset + start, {window.data(), wanted});
    const std::string_view code(window.data(), got);
    for (const std::string_view tail : kTails) {
      for (auto at = code.find(tail); at != std::string_view::npos; at = code.find(tail, at + 1)) {
        if (contents_.thread_starts.size() >= kMaxThreadStarts) return;
        contents_.thread_starts.push_back(segment.address + start + at);
      }
    }
    if (got < wanted) return;
  }
}

void Loader::read_names_of(int file) {
  if (const auto elf = open_elf(file)) read_symbols(elf->get(), pool_);
}

void Loader::read_names(const FindDebugFile& find_debug_file) {
  read_symbols(elf_, pool_);
  if (!have_symtab_) {
    const auto packed = section_content(elf_, ".gnu_debugdata", kMaxPackedDebug);
    if (const std::string unpacked = unpack_mini_debug(packed); !unpacked.empty())
      read_names_of(file_in_memory(unpacked).get());
    read_go_functions(elf_, pool_);
  }
  const bool has_dwarf = std::ranges::any_of(contents_.sections, [](const ElfSection& section) {
    return section.in_file && section.name == ".debug_info";
  });
  if (!find_debug_file || (have_symtab_ && has_dwarf)) return;
  debug_ = find_debug_file(contents_);
  if (debug_.file && !have_symtab_) read_names_of(debug_.file.get());
}

Result<LoadedElf> Loader::load(const FindDebugFile& find_debug_file) {
  GElf_Ehdr header{};
  if (::gelf_getehdr(elf_, &header) == nullptr)
    return fail(Exit::kFailed, "not an ELF file: its header is damaged");
  if (!read_segments(header)) return fail(Exit::kFailed, "ELF file with damaged program headers");
  contents_.entry = header.e_entry;
  contents_.build_id = build_id_of(elf_);
  read_sections();
  read_debug_link();
  read_names(find_debug_file);
  if (header.e_machine == EM_X86_64) {
    find_thread_starts();
    read_plt(elf_, pool_);
  }
  if (pool_.names.empty()) pool_.names.push_back('\0');
  contents_.functions = make_symbols(std::move(pool_.functions), pool_.names, true);
  contents_.objects = make_symbols(std::move(pool_.objects), pool_.names, false);
  contents_.names = std::move(pool_.names);
  contents_.cut = pool_.cut;
  return LoadedElf{.image = std::make_shared<const ElfImage>(std::move(contents_)),
                   .debug = std::move(debug_)};
}

}  // namespace

Result<LoadedElf> load_elf(int file, const FindDebugFile& find_debug_file) {
  const auto elf = open_elf(file);
  if (!elf) return std::unexpected(elf.error());
  return Loader(file, elf->get()).load(find_debug_file);
}

}  // namespace cw
