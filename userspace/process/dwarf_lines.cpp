#include "process/dwarf_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace cw {
namespace {

constexpr std::size_t kMaxRanges = std::size_t{1}
                                   << 22;  // of all units, or of one unit's functions
constexpr std::size_t kMaxUnits = std::size_t{1} << 20;
constexpr int kMaxNesting = 64;                 // of namespaces, classes and blocks
constexpr std::size_t kMaxVisited = 4'000'000;  // entries looked at to answer one question
// Ranges may overlap (a function inside another's hot and cold parts); more has not been seen.
constexpr int kMaxOverlapping = 32;

struct DwarfEnd {
  void operator()(Dwarf* dwarf) const { ::dwarf_end(dwarf); }
};
using DwarfHandle = std::unique_ptr<Dwarf, DwarfEnd>;

// Code from `low` up to `high`, and the offset of what it belongs to in .debug_info.
struct Range {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  Dwarf_Off die = 0;
};

// Adds an entry's ranges. Those at 0 are of functions that the linker dropped.
void add_ranges(Dwarf_Die* die, std::vector<Range>& ranges) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  const Dwarf_Off offset = ::dwarf_dieoffset(die);
  for (std::ptrdiff_t at = 0; (at = ::dwarf_ranges(die, at, &base, &low, &high)) > 0;) {
    if (ranges.size() >= kMaxRanges) return;
    if (low != 0 && low < high) ranges.push_back({.low = low, .high = high, .die = offset});
  }
}

void sort(std::vector<Range>& ranges) {
  std::ranges::sort(ranges, {}, &Range::low);
  ranges.shrink_to_fit();
}

// Of those that hold the address, the one that begins last.
const Range* covering(const std::vector<Range>& ranges, std::uint64_t vaddr) {
  auto candidate = std::ranges::upper_bound(ranges, vaddr, {}, &Range::low);
  for (int i = 0; i < kMaxOverlapping && candidate != ranges.begin(); ++i) {
    --candidate;
    if (vaddr < candidate->high) return &*candidate;
  }
  return nullptr;
}

std::string bounded(const char* text) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, kMaxSourceText));
}

// The linker's name, so that it can be demangled as symbols are; else the source's.
std::string function_name(Dwarf_Die* die) {
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    Dwarf_Attribute attribute{};
    if (::dwarf_attr_integrate(die, name, &attribute) == nullptr) continue;
    if (const char* text = ::dwarf_formstring(&attribute)) return bounded(text);
  }
  return {};
}

bool may_hold_functions(int tag) {
  return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
         tag == DW_TAG_union_type || tag == DW_TAG_module || tag == DW_TAG_subprogram;
}

bool may_hold_inlined(int tag) {
  return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
         tag == DW_TAG_try_block || tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

// libdw joins a file's name to its directory, but not that to the compiler's own.
std::string joined(Dwarf_Die* unit, std::string file) {
  Dwarf_Attribute attribute{};
  if (file.empty() || file.starts_with('/') ||
      ::dwarf_attr(unit, DW_AT_comp_dir, &attribute) == nullptr)
    return file;
  const std::string directory = bounded(::dwarf_formstring(&attribute));
  if (file.starts_with("./")) file.erase(0, 2);
  return directory.empty() || directory == "." ? file : directory + "/" + file;
}

std::optional<std::uint64_t> unsigned_attribute(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute{};
  Dwarf_Word value = 0;
  if (::dwarf_attr(die, name, &attribute) == nullptr || ::dwarf_formudata(&attribute, &value) != 0)
    return std::nullopt;
  return value;
}

}  // namespace

class DwarfLines::Units {
 public:
  explicit Units(DwarfHandle dwarf, DwarfHandle alternate)
      : alternate_(std::move(alternate)), dwarf_(std::move(dwarf)) {
    if (alternate_) ::dwarf_setalt(dwarf_.get(), alternate_.get());
    list_units();
  }

  SourceFrames at(std::uint64_t vaddr);

 private:
  void list_units();
  const std::vector<Range>& functions_of(Dwarf_Die* unit);
  void list_functions(Dwarf_Die* parent, std::vector<Range>& functions, int depth);
  // From the function inwards.
  std::vector<Dwarf_Die> inlined_at(Dwarf_Die function, std::uint64_t vaddr);
  std::optional<Dwarf_Die> inner_scope(Dwarf_Die* scope, std::uint64_t vaddr);
  static std::string call_file(Dwarf_Die* unit, Dwarf_Die* inlined);

  DwarfHandle alternate_;  // outlives what refers to it
  DwarfHandle dwarf_;
  std::vector<Range> units_;
  std::unordered_map<Dwarf_Off, std::vector<Range>> functions_;  // by unit
  std::size_t visited_ = 0;
};

// .debug_aranges would be quicker to read, but some compilers leave it out.
void DwarfLines::Units::list_units() {
  Dwarf_Off offset = 0;
  Dwarf_Off next = 0;
  std::size_t header = 0;
  for (std::size_t i = 0; i < kMaxUnits; ++i, offset = next) {
    if (::dwarf_nextcu(dwarf_.get(), offset, &next, &header, nullptr, nullptr, nullptr) != 0) break;
    Dwarf_Die unit{};
    if (::dwarf_offdie(dwarf_.get(), offset + header, &unit) == nullptr) continue;
    if (::dwarf_tag(&unit) != DW_TAG_compile_unit && ::dwarf_tag(&unit) != DW_TAG_skeleton_unit)
      continue;
    add_ranges(&unit, units_);
    if (next <= offset) break;
  }
  sort(units_);
}

const std::vector<Range>& DwarfLines::Units::functions_of(Dwarf_Die* unit) {
  const auto [entry, is_new] = functions_.try_emplace(::dwarf_dieoffset(unit));
  if (is_new) {
    list_functions(unit, entry->second, 0);
    sort(entry->second);
  }
  return entry->second;
}

void DwarfLines::Units::list_functions(Dwarf_Die* parent, std::vector<Range>& functions,
                                       int depth) {
  Dwarf_Die die{};
  if (depth > kMaxNesting || ::dwarf_child(parent, &die) != 0) return;
  do {
    if (++visited_ > kMaxVisited) return;
    const int tag = ::dwarf_tag(&die);
    if (tag == DW_TAG_subprogram) add_ranges(&die, functions);
    if (may_hold_functions(tag) && ::dwarf_haschildren(&die) > 0)
      list_functions(&die, functions, depth + 1);
  } while (::dwarf_siblingof(&die, &die) == 0);
}

std::optional<Dwarf_Die> DwarfLines::Units::inner_scope(Dwarf_Die* scope, std::uint64_t vaddr) {
  Dwarf_Die die{};
  if (::dwarf_child(scope, &die) != 0) return std::nullopt;
  do {
    if (++visited_ > kMaxVisited) return std::nullopt;
    if (may_hold_inlined(::dwarf_tag(&die)) && ::dwarf_haspc(&die, vaddr) > 0) return die;
  } while (::dwarf_siblingof(&die, &die) == 0);
  return std::nullopt;
}

std::vector<Dwarf_Die> DwarfLines::Units::inlined_at(Dwarf_Die function, std::uint64_t vaddr) {
  std::vector<Dwarf_Die> functions = {function};
  std::optional<Dwarf_Die> scope = function;
  for (int depth = 0; depth < kMaxNesting * 4; ++depth) {
    scope = inner_scope(&*scope, vaddr);
    if (!scope) break;
    if (::dwarf_tag(&*scope) != DW_TAG_inlined_subroutine) continue;
    if (functions.size() >= kMaxInlined) break;
    functions.push_back(*scope);
  }
  return functions;
}

std::string DwarfLines::Units::call_file(Dwarf_Die* unit, Dwarf_Die* inlined) {
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  const auto index = unsigned_attribute(inlined, DW_AT_call_file);
  if (!index || ::dwarf_getsrcfiles(unit, &files, &count) != 0 || *index >= count) return {};
  return joined(unit, bounded(::dwarf_filesrc(files, *index, nullptr, nullptr)));
}

SourceFrames DwarfLines::Units::at(std::uint64_t vaddr) {
  visited_ = 0;
  const Range* where = covering(units_, vaddr);
  Dwarf_Die unit{};
  if (where == nullptr || ::dwarf_offdie(dwarf_.get(), where->die, &unit) == nullptr) return {};

  SourceFrame here;
  if (Dwarf_Line* line = ::dwarf_getsrc_die(&unit, vaddr)) {
    int number = 0;
    here.file = joined(&unit, bounded(::dwarf_linesrc(line, nullptr, nullptr)));
    if (::dwarf_lineno(line, &number) == 0) here.line = static_cast<std::uint32_t>(number);
  }
  SourceFrames frames;
  const Range* function = covering(functions_of(&unit), vaddr);
  Dwarf_Die die{};
  if (function != nullptr && ::dwarf_offdie(dwarf_.get(), function->die, &die) != nullptr) {
    auto chain = inlined_at(die, vaddr);
    for (auto inlined = chain.rbegin(); inlined != chain.rend(); ++inlined) {
      here.function = function_name(&*inlined);
      frames.push_back(here);
      if (std::next(inlined) == chain.rend()) break;
      here = {.function = "", .file = call_file(&unit, &*inlined), .line = 0};
      here.line =
          static_cast<std::uint32_t>(unsigned_attribute(&*inlined, DW_AT_call_line).value_or(0));
    }
  } else if (!here.file.empty()) {
    frames.push_back(std::move(here));
  }
  return frames;
}

DwarfLines::DwarfLines(std::unique_ptr<Units> units) : units_(std::move(units)) {}
DwarfLines::~DwarfLines() = default;

Result<std::unique_ptr<DwarfLines>> DwarfLines::open(Elf* elf, Elf* alternate) {
  DwarfHandle dwarf(::dwarf_begin_elf(elf, DWARF_C_READ, nullptr));
  if (!dwarf) return fail(Exit::kFailed, "no DWARF");
  DwarfHandle shared(alternate == nullptr ? nullptr
                                          : ::dwarf_begin_elf(alternate, DWARF_C_READ, nullptr));
  auto units = std::make_unique<Units>(std::move(dwarf), std::move(shared));
  return std::unique_ptr<DwarfLines>(new DwarfLines(std::move(units)));
}

SourceFrames DwarfLines::at(std::uint64_t vaddr) {
  return units_->at(vaddr);
}

}  // namespace cw
