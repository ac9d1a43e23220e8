// Loading an ELF file with libelf. libelf checks offsets against the file's size but takes every
// count at its word, and a sparse file's size costs its owner nothing: all sizes are bounded here.
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "process/elf_symbol_table.h"
#include "process/elf_symbols.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxTable = std::uint64_t{96} << 20;   // bytes of one symbol table (4 M)
constexpr std::uint64_t kMaxNames = std::uint64_t{128} << 20;  // bytes of one string table
constexpr std::uint64_t kMaxSmall = std::uint64_t{1} << 20;    // bytes of any other section read
constexpr std::size_t kMaxSections = 0xff00;                   // SHN_LORESERVE: no extended numbers
constexpr std::size_t kMaxSegments = 1024;
constexpr std::size_t kMaxNeeded = 1024;
constexpr int kMaxNotes = 64;  // sections
constexpr std::size_t kMaxShortText = 4096;
constexpr std::uint64_t kMaxScanned = std::uint64_t{64} << 20;  // bytes of code, all segments
constexpr std::size_t kMaxThreadStarts = 16;

struct ElfEnd {
  void operator()(Elf* elf) const { ::elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

std::string bounded_string(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return {};
  table.remove_prefix(offset);
  return std::string(table.substr(0, std::min(table.find('\0'), kMaxShortText)));
}

std::string_view bytes_of(const Elf_Data* content) {
  if (content == nullptr || content->d_buf == nullptr) return {};
  return {static_cast<const char*>(content->d_buf), content->d_size};
}

class Loader {
 public:
  Loader(int file, Elf* elf) : file_(file), elf_(elf) {}

  Result<ElfContents> load();

 private:
  bool read_segments(const GElf_Ehdr& header);
  void read_sections();
  void read_section(Elf_Scn* section, const GElf_Shdr& header);
  void read_symbols(Elf_Scn* section, const GElf_Shdr& header);
  void add_symbol(const GElf_Sym& symbol, std::uint64_t first_name, std::uint64_t names_size,
                  bool from_symtab);
  void read_dynamic(Elf_Scn* section, const GElf_Shdr& header);
  void read_build_id(Elf_Scn* section, const GElf_Shdr& header);
  void find_thread_starts();
  [[nodiscard]] bool may_start_threads() const;
  void scan_for_thread_starts(const ElfSegment& segment);
  [[nodiscard]] std::string read_text(std::uint64_t offset, std::uint64_t size) const;
  // The content of the section `index`, empty when it is larger than `limit`.
  [[nodiscard]] std::string_view content_of(std::size_t index, std::uint64_t limit);

  int file_;
  Elf* elf_;
  ElfContents contents_;
  std::string_view section_names_;
  std::vector<RawSymbol> functions_;
  std::vector<RawSymbol> objects_;
  std::vector<std::uint64_t> section_ends_;
  // A file has one of each; a hostile one must not make us read thousands.
  bool have_symtab_ = false;
  bool have_dynsym_ = false;
  bool have_dynamic_ = false;
  int notes_ = 0;
  std::uint64_t scanned_ = 0;
};

std::string_view Loader::content_of(std::size_t index, std::uint64_t limit) {
  Elf_Scn* section = ::elf_getscn(elf_, index);
  GElf_Shdr header{};
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) return {};
  if (header.sh_type == SHT_NOBITS || header.sh_size > limit) return {};
  return bytes_of(::elf_rawdata(section, nullptr));
}

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
  if (::elf_getshdrstrndx(elf_, &names) == 0) section_names_ = content_of(names, kMaxSmall);
  std::size_t count = 0;
  if (::elf_getshdrnum(elf_, &count) != 0) return;
  count = std::min(count, kMaxSections);
  section_ends_.assign(count, 0);
  // Ends first: a symbol table may come before the sections its symbols lie in.
  std::vector<std::pair<Elf_Scn*, GElf_Shdr>> sections;
  for (std::size_t i = 1; i < count; ++i) {
    Elf_Scn* section = ::elf_getscn(elf_, i);
    GElf_Shdr header{};
    if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) continue;
    section_ends_[i] = header.sh_addr + header.sh_size;
    sections.emplace_back(section, header);
  }
  for (const auto& [section, header] : sections) read_section(section, header);
}

void Loader::read_section(Elf_Scn* section, const GElf_Shdr& header) {
  constexpr std::size_t kMaxName = 64;
  std::string name = bounded_string(section_names_, header.sh_name).substr(0, kMaxName);
  if (header.sh_type == SHT_SYMTAB && !std::exchange(have_symtab_, true))
    read_symbols(section, header);
  if (header.sh_type == SHT_DYNSYM && !std::exchange(have_dynsym_, true))
    read_symbols(section, header);
  if (header.sh_type == SHT_DYNAMIC && !std::exchange(have_dynamic_, true))
    read_dynamic(section, header);
  if (header.sh_type == SHT_NOTE && contents_.build_id.empty() && notes_++ < kMaxNotes)
    read_build_id(section, header);
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

void Loader::read_symbols(Elf_Scn* section, const GElf_Shdr& header) {
  const std::uint64_t entry = ::gelf_fsize(elf_, ELF_T_SYM, 1, EV_CURRENT);
  if (header.sh_size > kMaxTable || entry == 0 || header.sh_entsize != entry) {
    contents_.cut = true;
    return;
  }
  const std::string_view names = content_of(header.sh_link, kMaxNames);
  // Offsets into the pool have 29 bits.
  if (names.empty() || contents_.names.size() + names.size() >= 0x1fffffff) {
    contents_.cut = true;
    return;
  }
  Elf_Data* table = ::elf_getdata(section, nullptr);
  if (table == nullptr) return;
  const std::uint64_t first_name = contents_.names.size();
  contents_.names.append(names);
  contents_.names.push_back('\0');
  const bool from_symtab = header.sh_type == SHT_SYMTAB;
  for (std::size_t i = 0; i < table->d_size / entry; ++i) {
    GElf_Sym symbol{};
    if (::gelf_getsym(table, static_cast<int>(i), &symbol) == nullptr) break;
    add_symbol(symbol, first_name, names.size(), from_symtab);
  }
}

void Loader::add_symbol(const GElf_Sym& symbol, std::uint64_t first_name, std::uint64_t names_size,
                        bool from_symtab) {
  const unsigned type = GELF_ST_TYPE(symbol.st_info);
  const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (!is_function && type != STT_OBJECT) return;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || symbol.st_name == 0) return;
  if (symbol.st_name >= names_size || symbol.st_value + symbol.st_size < symbol.st_value) return;
  const auto name = static_cast<std::uint32_t>(first_name + symbol.st_name);
  if (contents_.names[name] == '\0') return;
  const std::uint64_t limit =
      symbol.st_shndx < section_ends_.size() ? section_ends_[symbol.st_shndx] : 0;
  (is_function ? functions_ : objects_)
      .push_back({.address = symbol.st_value,
                  .size = symbol.st_size,
                  .limit = limit,
                  .name = name,
                  .binding = static_cast<std::uint8_t>(GELF_ST_BIND(symbol.st_info)),
                  .from_symtab = from_symtab,
                  .indirect = type == STT_GNU_IFUNC});
}

void Loader::read_dynamic(Elf_Scn* section, const GElf_Shdr& header) {
  if (header.sh_type == SHT_NOBITS || header.sh_size > kMaxSmall) return;
  const std::string_view names = content_of(header.sh_link, kMaxNames);
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

void Loader::read_build_id(Elf_Scn* section, const GElf_Shdr& header) {
  constexpr std::size_t kMaxBuildId = 64;
  if (header.sh_size > kMaxSmall) return;
  Elf_Data* notes = ::elf_getdata(section, nullptr);
  const std::string_view content = bytes_of(notes);
  GElf_Nhdr note{};
  std::size_t name = 0;
  std::size_t value = 0;
  for (std::size_t at = 0; !content.empty() && at < content.size();) {
    at = ::gelf_getnote(notes, at, &note, &name, &value);
    if (at == 0) return;
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof "GNU" ||
        note.n_descsz > kMaxBuildId)
      continue;
    if (name > content.size() || value > content.size()) return;
    if (content.substr(name, sizeof "GNU" - 1) != "GNU") continue;
    contents_.build_id = content.substr(value, note.n_descsz);
    return;
  }
}

// In libraries that start threads, and in static programs without names.
bool Loader::may_start_threads() const {
  if (functions_.empty()) return contents_.interpreter.empty() && contents_.needed.empty();
  return std::ranges::any_of(functions_, [this](const RawSymbol& symbol) {
    const auto name = std::string_view(contents_.names.data() + symbol.name);
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

Result<ElfContents> Loader::load() {
  GElf_Ehdr header{};
  if (::gelf_getehdr(elf_, &header) == nullptr)
    return fail(Exit::kFailed, "not an ELF file: its header is damaged");
  if (!read_segments(header)) return fail(Exit::kFailed, "ELF file with damaged program headers");
  contents_.entry = header.e_entry;
  read_sections();
  if (header.e_machine == EM_X86_64) find_thread_starts();
  if (contents_.names.empty()) contents_.names.push_back('\0');
  contents_.functions = make_symbols(std::move(functions_), contents_.names, true);
  contents_.objects = make_symbols(std::move(objects_), contents_.names, false);
  return std::move(contents_);
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

}  // namespace

Result<std::shared_ptr<const ElfImage>> load_elf(int file) {
  if (auto objection = objection_to(file)) return fail(Exit::kFailed, *std::move(objection));
  if (::elf_version(EV_CURRENT) == EV_NONE) return fail(Exit::kFailed, "libelf is too old");
  const ElfHandle elf(::elf_begin(file, ELF_C_READ, nullptr));
  if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF) return fail(Exit::kFailed, "not an ELF file");
  auto contents = Loader(file, elf.get()).load();
  if (!contents) return std::unexpected(contents.error());
  return std::make_shared<const ElfImage>(*std::move(contents));
}

}  // namespace cw
