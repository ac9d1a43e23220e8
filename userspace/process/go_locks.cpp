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

constexpr std::uint32_t kArgument = 8;
constexpr std::uint32_t kFarthest = 1U << 16U;     // above the stack pointer
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
std::optional<std::uint32_t> stored_at(std::span<const std::byte> code,
                                       std::array<unsigned char, 4> store) {
  if (begins_with(code, store) && code.size() == store.size() + 1)
    return std::to_integer<std::uint32_t>(code.back());
  store[2] += 0x40;
  std::uint32_t offset = 0;
  if (!begins_with(code, store) || code.size() != store.size() + sizeof offset) return std::nullopt;
  std::memcpy(&offset, code.data() + store.size(), sizeof offset);
  return offset;
}

// One of semacquire1's arguments: in its register, and where it is kept.
struct Argument {
  Register in{};
  std::array<unsigned char, 4> store{};  // what keeps it begins with these bytes
  std::uint32_t words_before = 0;        // of the arguments', where its caller left room for it
  bool intact = true;                    // its register was not written yet
  std::optional<std::uint32_t> kept_at = std::nullopt;  // above the stack pointer

  // The caller's room, above the return address, holds nothing else; any other place holds it as
  // long as the register was not written before.
  void read(std::span<const std::byte> code, const Instruction& instruction, std::uint32_t frame) {
    const auto at = stored_at(code, store);
    const std::uint32_t home = frame + (1 + words_before) * kArgument;
    if (at && (at == home || (intact && !kept_at))) kept_at = at;
    const bool leaves_all_alone = instruction.plain || instruction.flow == Flow::kBranch;
    if (!leaves_all_alone || instruction.written.contains(in)) intact = false;
  }
};

// A semacquire1 as far as it was read: from its entry to the calls around the waiting.
struct Acquire {
  std::uint32_t frame = 0;  // bytes on the stack below the return address
  Argument address{.in = Register{0}, .store = kKeepFirst};
  Argument profile{.in = Register{2}, .store = kKeepThird, .words_before = 2};
  std::uint64_t waits = 0;             // the call before waiting
  std::vector<std::uint64_t> goes_on;  // those after it
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
      found_.why_none = "its runtime's code is not what Go 1.17 and newer make of it";
    }
    return std::move(found_);
  }

 private:
  bool add_acquire() {
    const Acquire read = read_acquire();
    if (read.waits == 0 || read.goes_on.empty() || read.goes_on.size() > kMostReturns) return false;
    const std::uint32_t address = read.address.kept_at.value_or(kFarthest);
    const std::uint32_t profile = read.profile.kept_at.value_or(kFarthest);
    if (address >= kFarthest || profile >= kFarthest) return false;
    add({.place = GoPlace::kWaits, .file_offset = 0, .kept_at = address | profile << 16U},
        read.waits);
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
      if (read.waits == 0) {
        const auto own = code.subspan(at, instruction->length);
        read.address.read(own, *instruction, read.frame);
        read.profile.read(own, *instruction, read.frame);
      }
      if (calls(*instruction, kBeforeWaiting) && read.waits == 0)
        read.waits = instruction->address;
      else if (calls(*instruction, kAfterWaiting))
        read.goes_on.push_back(instruction->address);
      else if (read.waits == 0 && instruction->flow == Flow::kNext)
        read.frame +=
            static_cast<std::uint32_t>(std::max(0, instruction->stack_growth.value_or(0)));
      at += instruction->length;
    }
    return read;
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

GoSites find_go_sites(const ElfImage& image, std::shared_ptr<const Fd> file) {
  return GoSiteFinder(image, std::move(file)).find();
}

std::optional<GoSites> find_go_sites(ProcessSymbols& symbols) {
  const auto [mapping, image] = go_code_of(symbols);
  if (mapping == nullptr) return std::nullopt;
#ifdef __x86_64__
  return find_go_sites(*image,
                       std::make_shared<const Fd>(open_mapped_file(symbols.directory(), *mapping)));
#else
  return GoSites();
#endif
}

}  // namespace cw
