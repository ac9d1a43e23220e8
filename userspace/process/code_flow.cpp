#include "process/code_flow.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::uint64_t kFunctionAlignment = 16;               // of functions
constexpr std::uint64_t kMaxWindow = std::uint64_t{64} << 20;  // bytes of code in memory
constexpr std::uint64_t kAround = std::uint64_t{8} << 20;      // of a larger file: beside functions

// Functions that never come back, of C and C++ runtimes.
bool never_returns(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"abort", "exit", "_exit", "__assert_fail", "__stack_chk_fail", "__cxa_throw",
       "__cxa_rethrow", "__cxa_throw_bad_array_new_length", "_Unwind_Resume", "_ZSt9terminatev",
       "_ZSt17__throw_bad_allocv", "__cxa_call_unexpected"});
  return std::ranges::find(kNames, name) != kNames.end();
}

bool is_errno(std::string_view name) {
  return name == "__errno_location" || name == "___errno_location";
}

// endbr64
bool is_landing_mark(std::span<const std::byte> code) {
  constexpr std::array<unsigned char, 4> kMark = {0xf3, 0x0f, 0x1e, 0xfa};
  return code.size() >= kMark.size() && std::memcmp(code.data(), kMark.data(), kMark.size()) == 0;
}

}  // namespace

CodeFlow::CodeFlow(const CodeWindow& code, const ElfImage& image, const ElfImports& imports,
                   std::set<std::uint64_t> entries)
    : code_(&code), image_(&image), imports_(&imports), entries_(std::move(entries)) {}

Destination CodeFlow::through(std::uint64_t slot) const {
  const auto found = imports_->find(slot);
  if (found == imports_->end()) return {};
  if (found->second.vaddr != 0) return {.vaddr = found->second.vaddr, .name = {}};
  return {.vaddr = 0, .name = found->second.name};
}

Destination CodeFlow::resolve(std::uint64_t target) {
  std::uint64_t at = target;
  if (is_landing_mark(code_->from(at))) at += 4;
  const auto jump = decoder_.decode(code_->from(at), at);
  if (jump && jump->flow == Flow::kIndirectJump && jump->slot && imports_->contains(*jump->slot))
    return through(*jump->slot);
  return {.vaddr = target, .name = {}};
}

Destination CodeFlow::destination_of(const Instruction& instruction) {
  if (instruction.slot) return through(*instruction.slot);
  return instruction.target ? resolve(*instruction.target) : Destination{};
}

std::string_view CodeFlow::name_of(const Destination& to) const {
  if (to.vaddr == 0) return to.name;
  const ElfSymbol* symbol = image_->function_at(to.vaddr);
  if (symbol == nullptr || symbol->address != to.vaddr) return {};
  const auto name = image_->name_of(*symbol);
  return name.substr(0, name.find('@'));
}

bool CodeFlow::runs_into_another(std::uint64_t entry, const Instruction& instruction) const {
  const std::uint64_t next = instruction.end();
  if (entries_.contains(next)) return true;
  const ElfSymbol* there = image_->function_at(next);
  if (there != nullptr && there->address == next && next != entry) return true;
  // Code without names: what aligns the next function stands behind the last call of this one.
  return instruction.is_call() && next % kFunctionAlignment == 0 &&
         is_landing_mark(code_->from(next));
}

const FunctionFlow& CodeFlow::flow_of(std::uint64_t entry) {
  const auto known = flows_.find(entry);
  if (known != flows_.end()) return known->second;
  FunctionFlow flow;
  std::set<std::uint64_t> seen;
  std::vector<std::uint64_t> ahead = {entry};
  const auto jump_to = [&](Destination to) {
    const bool leaves = to.vaddr == 0 || (entries_.contains(to.vaddr) && to.vaddr != entry);
    if (!leaves)
      ahead.push_back(to.vaddr);
    else if (to.vaddr != 0 || !to.name.empty())
      flow.tails.push_back(std::move(to));
  };
  while (!ahead.empty() && seen.size() < kMaxInstructions) {
    const std::uint64_t at = ahead.back();
    ahead.pop_back();
    if (!seen.insert(at).second) continue;
    const auto instruction = decoder_.decode(code_->from(at), at);
    if (!instruction) continue;
    switch (instruction->flow) {
      case Flow::kJump:
      case Flow::kIndirectJump:
        jump_to(destination_of(*instruction));
        continue;
      case Flow::kBranch:
        jump_to(destination_of(*instruction));
        break;
      case Flow::kCall:
      case Flow::kIndirectCall:
        flow.calls.push_back({instruction->end(), destination_of(*instruction)});
        if (never_returns(name_of(flow.calls.back().to))) continue;
        break;
      case Flow::kReturn:
      case Flow::kTrap:
        continue;
      case Flow::kNext:
        break;
    }
    if (!runs_into_another(entry, *instruction)) ahead.push_back(instruction->end());
  }
  return flows_.emplace(entry, std::move(flow)).first->second;
}

bool CodeFlow::only_hands_over(std::uint64_t entry,
                               const std::function<bool(const Destination&)>& is_handed_to) {
  bool handed = false;
  std::size_t steps = 0;
  std::set<std::pair<std::uint64_t, bool>> seen;
  std::vector<Step> ahead = {{.at = entry, .acted = false}};
  while (!ahead.empty()) {
    const Step step = ahead.back();
    ahead.pop_back();
    if (!seen.emplace(step.at, step.acted).second) continue;
    const auto instruction = decoder_.decode(code_->from(step.at), step.at);
    if (!instruction || ++steps > kMaxInstructions) return false;
    bool acted = step.acted || instruction->stores;
    if (instruction->flow == Flow::kTrap) continue;
    if (instruction->flow == Flow::kReturn) {
      if (acted) return false;
      continue;
    }
    if (instruction->leaves_line()) {
      const Destination to = destination_of(*instruction);
      const bool jumps = !instruction->is_call();
      if (is_handed_to(to)) {
        handed = true;
        if (jumps && instruction->flow != Flow::kBranch) continue;
        if (!jumps) continue;
      } else if (!jumps) {
        if (never_returns(name_of(to))) continue;
        acted = acted || !is_errno(name_of(to));
      } else if (to.vaddr != 0 && (to.vaddr == entry || !entries_.contains(to.vaddr))) {
        ahead.push_back({.at = to.vaddr, .acted = acted});
      } else {
        return false;
      }
      if (jumps && instruction->flow != Flow::kBranch) continue;
    }
    if (!runs_into_another(entry, *instruction))
      ahead.push_back({.at = instruction->end(), .acted = acted});
  }
  return handed;
}

CodeWindow read_code(int file, const ElfImage& image, const AddressRange& functions) {
  CodeWindow window;
  const ElfSegment* segment = image.segment_at(functions.start);
  if (segment == nullptr || !segment->executable) return window;
  std::uint64_t start = segment->address;
  std::uint64_t end = segment->address + segment->file_size;
  if (end - start > kMaxWindow) {
    start = std::max(start, functions.start - std::min(functions.start, kAround));
    end = std::min({end, functions.end + kAround, start + kMaxWindow});
  }
  if (end <= start) return window;
  window.vaddr = start;
  window.bytes.resize(end - start);
  const std::size_t got =
      read_at(file, segment->offset + (start - segment->address),
              {reinterpret_cast<char*>(window.bytes.data()), window.bytes.size()});
  window.bytes.resize(got);
  return window;
}

Landings landings_in(const CodeWindow& code, const std::vector<AddressRange>& functions) {
  constexpr std::size_t kDistance = 4;  // bytes
  Landings landings;
  if (functions.empty()) return landings;
  const std::uint64_t lowest = functions.front().start;
  const std::uint64_t highest = functions.back().end;
  const auto byte = [&code](std::size_t at) { return std::to_integer<unsigned>(code.bytes[at]); };
  for (std::size_t at = 1; at + kDistance <= code.bytes.size(); ++at) {
    // jmp, call: e9, e8; jcc: 0f 80 to 0f 8f
    const unsigned opcode = byte(at - 1);
    const bool conditional = opcode >= 0x80 && opcode <= 0x8f && at >= 2 && byte(at - 2) == 0x0f;
    if (opcode != 0xe9 && opcode != 0xe8 && !conditional) continue;
    std::int32_t distance = 0;
    std::memcpy(&distance, code.bytes.data() + at, kDistance);
    const std::uint64_t target =
        code.vaddr + at + kDistance + static_cast<std::uint64_t>(std::int64_t{distance});
    if (target <= lowest || target >= highest) continue;
    const auto above = std::ranges::upper_bound(functions, target, {}, &AddressRange::start);
    const AddressRange& function = *std::prev(above);
    const std::uint64_t source = code.vaddr + at - 1;
    const bool inside = source >= function.start && source < function.end;
    if (!inside && target > function.start && target < function.end)
      landings[function.start].push_back(target);
  }
  return landings;
}

}  // namespace cw
