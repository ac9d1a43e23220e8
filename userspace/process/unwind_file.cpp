#include "process/unwind_file.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "process/cfi_cursor.h"
#include "process/eh_frame.h"
#include "process/elf_file.h"
#include "process/elf_symbol_reader.h"
#include "process/followed_code.h"
#include "process/go_table.h"
#include "process/go_unwind.h"
#include "process/page.h"
#include "process/proc_files.h"
#include "process/unwind_rows.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxSection = std::uint64_t{128} << 20;  // bytes of .eh_frame

// Where .eh_frame lies in the file.
struct EhFramePlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t vaddr = 0;
};

// Reads parts of a file, or of its image in memory.
class Contents {
 public:
  explicit Contents(int file) : file_(file) {}
  explicit Contents(std::vector<std::byte> image) : image_(std::move(image)) {}

  [[nodiscard]] Elf* begin() {
    if (::elf_version(EV_CURRENT) == EV_NONE) return nullptr;
    return file_ >= 0 ? ::elf_begin(file_, ELF_C_READ, nullptr)
                      : ::elf_memory(reinterpret_cast<char*>(image_.data()), image_.size());
  }

  [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::uint64_t size) const {
    std::vector<std::byte> bytes;
    if (file_ < 0) {
      if (offset > image_.size()) return bytes;
      const auto part = std::span(image_).subspan(offset);
      bytes.assign(part.begin(),
                   part.begin() + static_cast<std::ptrdiff_t>(std::min(size, part.size())));
      return bytes;
    }
    // Grown as it is read: a claimed size costs its owner nothing.
    constexpr std::uint64_t kStep = std::uint64_t{4} << 20;
    while (bytes.size() < size) {
      const std::size_t had = bytes.size();
      const std::uint64_t wanted = std::min(kStep, size - had);
      bytes.resize(had + wanted);
      const std::size_t got =
          read_at(file_, offset + had, {reinterpret_cast<char*>(bytes.data()) + had, wanted});
      bytes.resize(had + got);
      if (got < wanted) break;
    }
    return bytes;
  }

 private:
  int file_ = -1;
  std::vector<std::byte> image_;
};

std::optional<EhFramePlace> place_by_section(Elf* elf) {
  std::size_t names = 0;
  std::size_t count = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0 || ::elf_getshdrnum(elf, &count) != 0) return {};
  for (std::size_t i = 1; i < std::min(count, kMaxSections); ++i) {
    GElf_Shdr header{};
    if (::gelf_getshdr(::elf_getscn(elf, i), &header) == nullptr) continue;
    const char* name = ::elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || std::string_view(name) != ".eh_frame") continue;
    if (header.sh_type == SHT_NOBITS || (header.sh_flags & SHF_ALLOC) == 0) continue;
    return EhFramePlace{
        .offset = header.sh_offset, .size = header.sh_size, .vaddr = header.sh_addr};
  }
  return {};
}

// .eh_frame_hdr: version, three encodings, then the address of .eh_frame. Its size is not said: it
// ends by a terminator, at the latest with its segment.
std::optional<EhFramePlace> place_by_header(const Contents& contents, const GElf_Phdr& header,
                                            const std::vector<GElf_Phdr>& loads) {
  constexpr std::uint64_t kEnough = 32;
  const auto bytes = contents.read(header.p_offset, std::min(header.p_filesz, kEnough));
  CfiCursor cursor(bytes, header.p_vaddr);
  const auto version = cursor.take<std::uint8_t>();
  const auto encoding = cursor.take<std::uint8_t>();
  cursor.take<std::uint16_t>();
  const auto vaddr = cursor.take_pointer(encoding);
  if (version != 1 || !vaddr || !cursor.good()) return {};
  for (const GElf_Phdr& load : loads) {
    if (*vaddr < load.p_vaddr || *vaddr - load.p_vaddr >= load.p_filesz) continue;
    const std::uint64_t within = *vaddr - load.p_vaddr;
    return EhFramePlace{
        .offset = load.p_offset + within, .size = load.p_filesz - within, .vaddr = *vaddr};
  }
  return {};
}

// Where the file says nothing of much of its code, but not of more than can be looked at.
bool are_worth_following(std::span<const AddressRange> gaps) {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 10;  // more than what starts a program
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
  std::uint64_t sum = 0;
  for (const AddressRange& gap : gaps) sum += std::min(gap.end - gap.start, kMost);
  return sum >= kLeast && sum < kMost;
}

// By address, those that can be looked at. None where they overlap, as no linker makes them: all
// would be read again and again.
std::vector<CodeSegment> readable(std::vector<CodeSegment> segments) {
  constexpr std::uint64_t kMaxCode = std::uint64_t{64} << 20;
  std::erase_if(segments, [](const CodeSegment& segment) {
    return segment.size > kMaxCode || segment.vaddr + segment.size <= segment.vaddr;
  });
  std::ranges::sort(segments, {}, &CodeSegment::vaddr);
  std::uint64_t end = 0;
  std::uint64_t sum = 0;
  for (const CodeSegment& segment : segments) {
    sum += segment.size;
    if (segment.vaddr < end || sum > kMaxCode) return {};
    end = segment.vaddr + segment.size;
  }
  return segments;
}

void add_code_without_rows(const Contents& contents, Elf* elf, const UnwindFile& file,
                           std::uint64_t entry, UnwindRows& rows) {
  const std::vector<CodeSegment> segments = readable(file.segments);
  std::vector<AddressRange> code;
  code.reserve(segments.size());
  for (const CodeSegment& segment : segments)
    code.push_back({.start = segment.vaddr, .end = segment.vaddr + segment.size});
  const auto gaps = gaps_in(code, rows.covered());
  if (!are_worth_following(gaps)) return;
  std::vector<CodeWindow> windows;
  windows.reserve(segments.size());
  for (const CodeSegment& segment : segments)
    windows.push_back(
        {.vaddr = segment.vaddr, .bytes = contents.read(segment.offset, segment.size)});
  SymbolPool symbols;
  read_symbols(elf, symbols);
  std::vector<std::uint64_t> functions = {entry};
  for (const RawSymbol& symbol : symbols.functions) functions.push_back(symbol.address);
  FollowedCode(windows, gaps, functions).add_rows(rows);
}

std::optional<UnwindFile> read(Contents contents) {
  const std::unique_ptr<Elf, ElfEnd> elf(contents.begin());
  GElf_Ehdr header{};
  if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF || ::gelf_getehdr(elf.get(), &header) == nullptr)
    return {};
  if (header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64) return {};
  UnwindFile file{.segments = code_segments(elf.get()), .table = {}};
  std::optional<GElf_Phdr> eh_frame_header;
  std::vector<GElf_Phdr> loads;
  for (std::size_t i = 0; i < std::min<std::size_t>(header.e_phnum, kMaxSegments); ++i) {
    GElf_Phdr program{};
    if (::gelf_getphdr(elf.get(), static_cast<int>(i), &program) == nullptr) break;
    if (program.p_type == PT_GNU_EH_FRAME) eh_frame_header = program;
    if (program.p_type == PT_LOAD) loads.push_back(program);
  }
  auto place = place_by_section(elf.get());
  if (!place && eh_frame_header) place = place_by_header(contents, *eh_frame_header, loads);
  UnwindRows rows;
  if (place && place->size <= kMaxSection)
    add_eh_frame(contents.read(place->offset, place->size), place->vaddr, rows);
  if (const auto table = GoTable::of(elf.get())) add_go_rows(*table, rows);
  add_code_without_rows(contents, elf.get(), file, header.e_entry, rows);
  file.table = std::move(rows).build();
  return file;
}

}  // namespace

std::vector<CodeSegment> code_segments(Elf* elf) {
  std::vector<CodeSegment> segments;
  std::size_t count = 0;
  if (::elf_getphdrnum(elf, &count) != 0) return segments;
  for (std::size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
    GElf_Phdr program{};
    if (::gelf_getphdr(elf, static_cast<int>(i), &program) == nullptr) break;
    if (program.p_type == PT_LOAD && (program.p_flags & PF_X) != 0)
      segments.push_back(
          {.offset = program.p_offset, .size = program.p_filesz, .vaddr = program.p_vaddr});
  }
  return segments;
}

std::optional<std::uint64_t> code_bias(std::span<const CodeSegment> segments, std::uint64_t start,
                                       std::uint64_t offset) {
  // A mapping begins at the page of its segment's first byte.
  for (const CodeSegment& segment : segments) {
    if (offset < page_of(segment.offset) || offset >= segment.offset + segment.size) continue;
    return start - offset + segment.offset - segment.vaddr;
  }
  return {};
}

std::optional<UnwindFile> read_unwind_file(int file) {
  return read(Contents(file));
}

std::optional<UnwindFile> read_unwind_image(std::vector<std::byte> image) {
  return read(Contents(std::move(image)));
}

}  // namespace cw
