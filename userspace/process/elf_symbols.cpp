#include "process/elf_symbols.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "process/demangle.h"
#include "process/page.h"

namespace cw {
namespace {

// A symbol may lie inside a larger one (a second entry point), so the nearest one before an
// address need not be the one that covers it. Deeper nesting than this has not been seen.
constexpr int kMaxNestedSymbols = 16;

// _start of glibc and musl for x86-64 is 34 to 38 bytes long, and stripped programs lack its name.
constexpr std::uint64_t kEntrySize = 0x26;

bool covers(const ElfSymbol& symbol, std::uint64_t vaddr) {
  return vaddr >= symbol.address && vaddr - symbol.address < symbol.size;
}

const ElfSymbol* covering(const std::vector<ElfSymbol>& symbols, std::uint64_t vaddr) {
  auto candidate = std::ranges::upper_bound(symbols, vaddr, {}, &ElfSymbol::address);
  for (int i = 0; i < kMaxNestedSymbols && candidate != symbols.begin(); ++i) {
    --candidate;
    if (covers(*candidate, vaddr)) return &*candidate;
  }
  return nullptr;
}

}  // namespace

ElfImage::ElfImage(ElfContents contents) : contents_(std::move(contents)) {}

const ElfSymbol* ElfImage::function_at(std::uint64_t vaddr) const {
  return covering(contents_.functions, vaddr);
}

const ElfSymbol* ElfImage::object_at(std::uint64_t vaddr) const {
  return covering(contents_.objects, vaddr);
}

std::string_view ElfImage::name_of(const ElfSymbol& symbol) const {
  const char* name = contents_.names.data() + symbol.name;
  const std::size_t room = contents_.names.size() - symbol.name;
  return {name, ::strnlen(name, std::min(room, kMaxMangled + 1))};
}

bool ElfImage::any_name_holds(std::string_view part) const {
  return contents_.names.find(part) != std::string::npos;
}

std::optional<std::uint64_t> ElfImage::code_address(std::uint64_t file_offset) const {
  for (const ElfSegment& segment : contents_.segments) {
    if (!segment.executable || file_offset < segment.offset) continue;
    const std::uint64_t within = file_offset - segment.offset;
    if (within < segment.file_size) return segment.address + within;
  }
  return std::nullopt;
}

const ElfSegment* ElfImage::segment_at(std::uint64_t vaddr) const {
  const auto found = std::ranges::find_if(
      contents_.segments, [vaddr](const ElfSegment& segment) { return segment.holds(vaddr); });
  return found == contents_.segments.end() ? nullptr : &*found;
}

const ElfSection* ElfImage::section_named(std::string_view name) const {
  const auto found = std::ranges::find(contents_.sections, name, &ElfSection::name);
  return found == contents_.sections.end() ? nullptr : &*found;
}

bool ElfImage::has_lines() const {
  return std::ranges::any_of(contents_.sections, [](const ElfSection& section) {
    return section.in_file && section.size != 0 &&
           (section.name == ".debug_info" || section.name.ends_with(".gopclntab") ||
            section.name == ".go.buildinfo");
  });
}

std::uint64_t ElfImage::first_page() const {
  std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
  for (const ElfSegment& segment : contents_.segments) lowest = std::min(lowest, segment.address);
  return contents_.segments.empty() ? 0 : page_of(lowest);
}

bool ElfImage::is_program() const {
  return !contents_.interpreter.empty() || (contents_.needed.empty() && contents_.soname.empty());
}

bool ElfImage::is_outermost(std::uint64_t return_vaddr) const {
  if (std::ranges::find(contents_.thread_starts, return_vaddr) != contents_.thread_starts.end())
    return true;
  return is_program() && contents_.entry != 0 && return_vaddr > contents_.entry &&
         return_vaddr - contents_.entry <= kEntrySize;
}

std::size_t ElfImage::bytes() const {
  constexpr std::size_t kFixed = 4096;  // strings and small vectors
  return kFixed + contents_.names.capacity() +
         (contents_.functions.capacity() + contents_.objects.capacity()) * sizeof(ElfSymbol) +
         contents_.sections.capacity() * sizeof(ElfSection);
}

}  // namespace cw
