#include "process/go_locks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "process/instruction.h"
#include "process/mapped_file.h"
#include "process/proc_files.h"
#include "process/runtimes.h"

namespace cw {
namespace {

// runtime/sema.go, runtime/proc.go.
constexpr std::string_view kAcquire = "runtime.semacquire1";
constexpr std::string_view kBeforeWaiting = "runtime.acquireSudog";
constexpr std::string_view kAfterWaiting = "runtime.releaseSudog";
// sync.Mutex lives in internal/sync since Go 1.24.
constexpr auto kReleases = std::to_array<std::string_view>(
    {"sync.runtime_Semrelease", "internal/sync.runtime_Semrelease"});

constexpr std::size_t kArgument = 8;
constexpr std::uint64_t kLargestFunction = 16384;  // bytes; there are 1,000
constexpr std::size_t kMostReturns = 8;            // of semacquire1; there is 1

// cmp rsp, [r14+0x10]: whether the stack of the goroutine in r14 has room, which functions begin
// with that follow Go's own calling convention. Behind it is a branch.
constexpr auto kPrologue = std::to_array<unsigned char>({0x49, 0x3b, 0x66, 0x10});
// mov [rsp+N], rax and rcx, where N has one byte; with four the second byte is 0x40 more.
constexpr auto kKeepFirst = std::to_array<unsigned char>({0x48, 0x89, 0x44, 0x24});
constexpr auto kKeepThird = std::to_array<unsigned char>({0x48, 0x89, 0x4c, 0x24});

bool begins_with(std::span<const std::byte> code, std::span<const unsigned char> bytes) {
  return code.size() >= bytes.size() &&
         std::ranges::equal(code.first(bytes.size()), std::as_bytes(bytes));
}

// Where above the stack pointer an instruction of such a kind stores to.
std::optional<std::uint32_t> kept_at(std::span<const std::byte> code,
                                     std::array<unsigned char, 4> store) {
  if (begins_with(code, store) && code.size() == store.size() + 1)
    return std::to_integer<std::uint32_t>(code.back());
  store[2] += 0x40;
  std::uint32_t offset = 0;
  if (!begins_with(code, store) || code.size() != store.size() + sizeof offset) return std::nullopt;
  std::memcpy(&offset, code.data() + store.size(), sizeof offset);
  return offset;
}

// A semacquire1 as far as it was read: from its entry to the calls around the waiting.
struct Acquire {
  std::int64_t frame = 0;  // bytes on the stack below the return address
  bool first_kept = false;
  bool third_kept = false;
  std::uint64_t waits = 0;             // the call before waiting
  std::vector<std::uint64_t> goes_on;  // those after it
  std::uint32_t arguments = 0;         // above the stack pointer at `waits`
};

class GoSiteFinder {
 public:
  GoSiteFinder(const ElfImage& image, std::shared_ptr<const Fd> file) : image_(&image) {
    found_.file = std::move(file);
  }

  GoSites find() {
    for (const ElfSymbol& symbol : image_->contents().functions) {
      const std::string_view name = image_->name_of(symbol);
      if (name == kAcquire || name == kBeforeWaiting || name == kAfterWaiting ||
          std::ranges::find(kReleases, name) != kReleases.end())
        functions_[name] = symbol;
    }
    if (!functions_.contains(kAcquire)) {
      found_.why_none = "its runtime's functions have no names";
      return std::move(found_);
    }
    if (!add_acquire() || !add_releases()) {
      found_.sites.clear();
      found_.why_none = "its runtime is not what Go 1.17 and newer have";
    }
    return std::move(found_);
  }

 private:
  bool add_acquire() {
    const Acquire read = read_acquire();
    if (read.waits == 0 || read.goes_on.empty() || read.goes_on.size() > kMostReturns ||
        !read.first_kept || !read.third_kept)
      return false;
    add({.place = GoPlace::kWaits, .file_offset = 0, .arguments = read.arguments}, read.waits);
    for (const std::uint64_t call : read.goes_on) add({.place = GoPlace::kGoesOn}, call);
    return true;
  }

  // Functions have no data between them in Go, so that one is read from its first byte to its last.
  Acquire read_acquire() {
    Acquire read;
    const ElfSymbol& function = functions_[kAcquire];
    const std::vector<std::byte> bytes = code_of(function);
    const std::span<const std::byte> code = bytes;
    if (!begins_with(code, kPrologue)) return read;
    for (std::uint64_t at = 0; at < code.size();) {
      const auto instruction = decoder_.decode(code.subspan(at), function.address + at);
      if (!instruction) break;
      if (read.waits == 0) read_before_waiting(code.subspan(at, instruction->length), read);
      if (calls(*instruction, kBeforeWaiting) && read.waits == 0) {
        read.waits = instruction->address;
      } else if (calls(*instruction, kAfterWaiting)) {
        read.goes_on.push_back(instruction->address);
      } else if (read.waits == 0 && instruction->flow == Flow::kNext) {
        read.frame += std::max(0, instruction->stack_growth.value_or(0));
      }
      at += instruction->length;
    }
    return read;
  }

  // The arguments are kept where the caller has left room for them: above the return address.
  static void read_before_waiting(std::span<const std::byte> instruction, Acquire& read) {
    const auto home = static_cast<std::uint32_t>(read.frame) + kArgument;
    if (kept_at(instruction, kKeepFirst) == home) read.first_kept = true;
    if (kept_at(instruction, kKeepThird) == home + 2 * kArgument) read.third_kept = true;
    read.arguments = home;
  }

  bool add_releases() {
    bool any = false;
    for (const std::string_view name : kReleases) {
      const auto found = functions_.find(name);
      if (found == functions_.end()) continue;
      if (!begins_with(code_of(found->second), kPrologue)) return false;
      add({.place = GoPlace::kWakes}, found->second.address + kPrologue.size());
      any = true;
    }
    return any;
  }

  // Empty where it cannot be read, or is larger than any of these functions is.
  [[nodiscard]] std::vector<std::byte> code_of(const ElfSymbol& function) const {
    const ElfSegment* const segment = image_->segment_at(function.address);
    if (!*found_.file || segment == nullptr || function.size > kLargestFunction) return {};
    std::vector<std::byte> bytes(function.size);
    bytes.resize(read_at(found_.file->get(), function.address - segment->address + segment->offset,
                         {reinterpret_cast<char*>(bytes.data()), bytes.size()}));
    return bytes;
  }

  bool calls(const Instruction& instruction, std::string_view name) {
    const auto function = functions_.find(name);
    return instruction.flow == Flow::kCall && function != functions_.end() &&
           instruction.target == function->second.address;
  }

  void add(GoSite site, std::uint64_t vaddr) {
    const ElfSegment* const segment = image_->segment_at(vaddr);
    if (segment == nullptr || !segment->executable) return;
    site.file_offset = vaddr - segment->address + segment->offset;
    found_.sites.push_back(site);
  }

  const ElfImage* image_;
  std::map<std::string_view, ElfSymbol> functions_;
  Decoder decoder_;
  GoSites found_;
};

}  // namespace

GoSites find_go_sites(const ElfImage& image, std::shared_ptr<const Fd> file) {
  return GoSiteFinder(image, std::move(file)).find();
}

namespace {

// The first piece of code that is Go's; null: there is none.
std::pair<const Mapping*, std::shared_ptr<const ElfImage>> go_code_of(ProcessSymbols& symbols) {
  for (const Mapping& mapping : symbols.memory_map().mappings()) {
    if (!mapping.of_file() || mapping.past || !mapping.executable) continue;
    if (auto image = symbols.image_of(mapping); image && is_go(*image))
      return {&mapping, std::move(image)};
  }
  return {};
}

}  // namespace

bool runs_go(ProcessSymbols& symbols) {
  return go_code_of(symbols).first != nullptr;
}

GoSites find_go_sites(ProcessSymbols& symbols) {
#ifdef __x86_64__
  const auto [mapping, image] = go_code_of(symbols);
  if (mapping != nullptr)
    return find_go_sites(
        *image, std::make_shared<const Fd>(open_mapped_file(symbols.directory(), *mapping)));
#endif
  return {};
}

}  // namespace cw
