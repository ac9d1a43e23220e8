// ProcessSymbols::object_at(): what lies at an address of a process that is data.
#include <fmt/format.h>

#include <algorithm>

#include "process/demangle.h"
#include "process/proc.h"
#include "process/process_symbols.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

constexpr int kMaxBssMappings = 8;              // between a module's file and the end of its .bss
constexpr std::size_t kMaxStackThreads = 1024;  // looked at to find whose stack it is

const char* section_of(const ElfImage& image, std::uint64_t vaddr) {
  const ElfSegment* segment = image.segment_at(vaddr);
  if (segment == nullptr || !segment->writable) return "rodata";
  return vaddr - segment->address >= segment->file_size ? "bss" : "data";
}

std::string name_with_offset(std::string name, std::uint64_t offset) {
  return offset == 0 ? name : fmt::format("{}+{:#x}", name, offset);
}

// Where Go asks for memory first (go.dev/src/runtime/malloc.go, mallocinit()). The stacks of its
// threads lie there between all else.
bool is_go_heap(std::uint64_t address) {
  constexpr std::uint64_t kHint = 0xc0;
  return (address >> 32U & 0xffU) == kHint && address >> 40U < 0x7f;
}

ObjectName static_object(const ElfImage& image, std::string_view path, std::uint64_t vaddr) {
  ObjectName named;
  named.object = fmt::format("{} {}+{:#x}", section_of(image, vaddr), file_name_of(path),
                             vaddr - image.first_page());
  if (const ElfSymbol* symbol = image.object_at(vaddr))
    named.name = name_with_offset(demangle(image.name_of(*symbol)), vaddr - symbol->address);
  return named;
}

}  // namespace

// A module's variables lie in its file's mappings, and what .bss needs beyond the last page of the
// file in an anonymous one right behind (which the kernel calls [heap] where the heap adjoins).
std::optional<ProcessSymbols::StaticPlace> ProcessSymbols::static_place(const Mapping& mapping,
                                                                        std::uint64_t address) {
  const Mapping* of_file = &mapping;
  for (int i = 0; i < kMaxBssMappings && of_file != nullptr && !of_file->of_file(); ++i) {
    const Mapping* previous = map_.before(*of_file);
    of_file = previous != nullptr && previous->end == of_file->start ? previous : nullptr;
  }
  if (of_file == nullptr || !of_file->of_file() || of_file->shared) return std::nullopt;
  auto image = image_of(*of_file);
  if (!image) return std::nullopt;
  const auto bias = load_bias(*of_file, *image);
  if (!bias || image->segment_at(address - *bias) == nullptr) return std::nullopt;
  return StaticPlace{.image = std::move(image), .path = of_file->path, .vaddr = address - *bias};
}

// A thread sleeps with its stack pointer below all that lives on its stack.
std::int32_t ProcessSymbols::thread_with_stack(const Mapping& mapping, std::uint64_t address) {
  if (!stack_pointers_) {
    stack_pointers_.emplace();
    auto tids = frozen_ ? std::vector<std::int32_t>() : tids_of(pid_);
    tids.resize(std::min(tids.size(), kMaxStackThreads));
    for (const std::int32_t tid : tids) {
      if (const auto call = blocked_call(pid_, tid)) stack_pointers_->emplace_back(call->sp, tid);
    }
    std::ranges::sort(*stack_pointers_);
  }
  // Of several in one mapping (stacks without guard pages between) the nearest below.
  const auto above = std::ranges::upper_bound(*stack_pointers_, address, {},
                                              &std::pair<std::uint64_t, std::int32_t>::first);
  if (above == stack_pointers_->begin()) return 0;
  const auto& [stack_pointer, tid] = *std::prev(above);
  return stack_pointer >= mapping.start ? tid : 0;
}

ObjectName ProcessSymbols::object_at(std::uint64_t address) {
  const Mapping* mapping = find_or_reload(address);
  if (mapping == nullptr) return {.name = "", .object = "unmapped"};
  const std::uint64_t in_file = address - mapping->start + mapping->offset;
  if (mapping->of_file() && mapping->shared)
    return {.name = "", .object = fmt::format("shared {}+{:#x}", mapping->path, in_file)};
  if (const auto place = static_place(*mapping, address))
    return static_object(*place->image, place->path, place->vaddr);
  if (mapping->of_file())
    return {.name = "", .object = fmt::format("file {}+{:#x}", mapping->path, in_file)};
  if (mapping->path == "[stack]") return {.name = "", .object = fmt::format("stack of {}", pid_)};
  if (mapping->path != "[heap]" && !is_go_heap(address)) {
    if (const std::int32_t tid = thread_with_stack(*mapping, address))
      return {.name = "", .object = fmt::format("stack of {}", tid)};
  }
  return {.name = "", .object = "heap"};
}

}  // namespace cw
