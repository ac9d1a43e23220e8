#include "process/lock_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "process/code_flow.h"
#include "process/mapped_file.h"
#include "process/probe_placement.h"
#include "process/proc.h"

namespace cw {
namespace {

struct NamedCall {
  std::string_view name;
  SectionCall call;
};
constexpr auto kFunctions = std::to_array<NamedCall>({
    {"pthread_mutex_lock", SectionCall::kLock},
    {"pthread_mutex_timedlock", SectionCall::kLock},
    {"pthread_mutex_clocklock", SectionCall::kLock},
    {"pthread_mutex_trylock", SectionCall::kTryLock},
    {"pthread_mutex_unlock", SectionCall::kUnlock},
    {"pthread_rwlock_rdlock", SectionCall::kRead},
    {"pthread_rwlock_timedrdlock", SectionCall::kRead},
    {"pthread_rwlock_clockrdlock", SectionCall::kRead},
    {"pthread_rwlock_tryrdlock", SectionCall::kTryRead},
    {"pthread_rwlock_wrlock", SectionCall::kWrite},
    {"pthread_rwlock_timedwrlock", SectionCall::kWrite},
    {"pthread_rwlock_clockwrlock", SectionCall::kWrite},
    {"pthread_rwlock_trywrlock", SectionCall::kTryWrite},
    {"pthread_rwlock_unlock", SectionCall::kReadWriteUnlock},
    {"pthread_cond_wait", SectionCall::kConditionWait},
    {"pthread_cond_timedwait", SectionCall::kConditionWait},
    {"pthread_cond_clockwait", SectionCall::kConditionWait},
});

// The lock is the first argument; of a wait on a condition (condition, mutex) the second.
constexpr CallShape kTakesLock{.pointer = 0};
constexpr CallShape kTakesCondition{.size = 0, .pointer = 1};

bool is_thread_library(std::string_view name) {
  return name.starts_with("libpthread.so") || name.starts_with("libpthread-2.");
}

std::optional<LockLibrary> library_of(std::string_view name, const ElfImage& image) {
  if (is_thread_library(name) || name == "libc.so.6" || name.starts_with("libc-2."))
    return LockLibrary::kGlibc;
  if (name == "libc.so" || name.starts_with("ld-musl-") || name.starts_with("libc.musl-"))
    return LockLibrary::kMusl;
  if (!image.is_program() || !image.contents().interpreter.empty()) return std::nullopt;
  return image.any_name_holds("nptl") ? LockLibrary::kGlibc : LockLibrary::kMusl;
}

// A file that holds such functions.
struct LockModule {
  Mapping mapping;
  std::string name;
  std::shared_ptr<const ElfImage> image;
  std::uint64_t bias = 0;
  LockLibrary library = LockLibrary::kGlibc;
  std::map<const NamedCall*, ElfSymbol> functions;
};

// Of several versions of a function the largest does the work: glibc's older pthread_cond_wait
// calls the newer one. Where musl waits on a condition, it passes its own lock and unlock.
void list_functions(LockModule& module) {
  for (const ElfSymbol& symbol : module.image->contents().functions) {
    std::string_view name = module.image->name_of(symbol);
    if (name.ends_with("@plt") || symbol.indirect != 0) continue;
    name = name.substr(0, name.find('@'));
    const auto* const known = std::ranges::find(kFunctions, name, &NamedCall::name);
    if (known == kFunctions.end()) continue;
    if (module.library == LockLibrary::kMusl && known->call == SectionCall::kConditionWait)
      continue;
    const ElfSegment* segment = module.image->segment_at(symbol.address);
    if (segment == nullptr || !segment->executable) continue;
    ElfSymbol& best = module.functions[known];
    if (best.size <= symbol.size) best = symbol;
  }
}

class LockFunctionFinder {
 public:
  explicit LockFunctionFinder(ProcessSymbols& symbols) : symbols_(&symbols) {}

  LockSites find() {
    if (is_32bit(symbols_->pid())) {
      found_.not_observable.emplace_back("a 32-bit program: not supported");
      return std::move(found_);
    }
    std::vector<LockModule> modules = list_modules();
    // Before glibc 2.34 what libc.so.6 has by these names only hands over to libpthread's.
    const bool apart = std::ranges::any_of(
        modules, [](const LockModule& module) { return is_thread_library(module.name); });
    for (const LockModule& module : modules)
      if (!apart || module.library != LockLibrary::kGlibc || is_thread_library(module.name))
        place_all(module);
    return std::move(found_);
  }

 private:
  // Probes go by files: a file that is loaded twice is probed once.
  std::vector<LockModule> list_modules() {
    std::vector<LockModule> modules;
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>> seen;
    for (const Mapping& mapping : symbols_->memory_map().mappings()) {
      if (!mapping.of_file() || mapping.past || (!mapping.executable && mapping.offset != 0))
        continue;
      const auto image = symbols_->image_of(mapping);
      const auto bias = image ? symbols_->load_bias(mapping, *image) : std::nullopt;
      if (!bias || !seen.emplace(mapping.device_major, mapping.device_minor, mapping.inode).second)
        continue;
      const std::string_view name = file_name_of(mapping.path);
      const auto library = library_of(name, *image);
      if (!library) continue;
      LockModule module{.mapping = mapping,
                        .name = std::string(name),
                        .image = image,
                        .bias = *bias,
                        .library = *library,
                        .functions = {}};
      list_functions(module);
      if (!module.functions.empty()) modules.push_back(std::move(module));
    }
    return modules;
  }

  // The kernel probes code by its file: where a page of it was replaced there is nothing to probe.
  [[nodiscard]] bool is_in_place(const LockModule& module, std::uint64_t vaddr) const {
    const Mapping* there = symbols_->memory_map().find(vaddr + module.bias);
    return there != nullptr && there->executable && there->same_file(module.mapping);
  }

  void place_all(const LockModule& module) {
    std::vector<AddressRange> ranges;
    ranges.reserve(module.functions.size());
    for (const auto& [named, symbol] : module.functions)
      ranges.push_back({.start = symbol.address, .end = symbol.address + symbol.size});
    std::ranges::sort(ranges, {}, &AddressRange::start);
    auto file = std::make_shared<const Fd>(open_mapped_file(symbols_->directory(), module.mapping));
    const CodeWindow code =
        *file ? read_code(file->get(), *module.image,
                          {.start = ranges.front().start, .end = ranges.back().end})
              : CodeWindow();
    if (code.bytes.empty()) {
      found_.not_observable.push_back(module.name + ": its code cannot be read");
      return;
    }
    const Landings landings = landings_in(code, ranges);
    for (const auto& [named, symbol] : module.functions) {
      if (!is_in_place(module, symbol.address)) {
        found_.not_observable.push_back(
            fmt::format("{}: its code was moved to memory of no file, which the kernel does not "
                        "probe",
                        named->name));
        continue;
      }
      const auto from_outside = landings.find(symbol.address);
      add_site(module, *named, symbol, file, code,
               from_outside == landings.end() ? std::span<const std::uint64_t>()
                                              : std::span(from_outside->second));
    }
  }

  void add_site(const LockModule& module, const NamedCall& named, const ElfSymbol& symbol,
                const std::shared_ptr<const Fd>& file, const CodeWindow& window,
                std::span<const std::uint64_t> landings) {
    const bool waits = named.call == SectionCall::kConditionWait;
    auto code = window.from(symbol.address);
    code = code.first(std::min<std::size_t>(code.size(), symbol.size));
    const Placement placement =
        place(code, symbol.address, waits ? kTakesCondition : kTakesLock, landings);
    const ElfSegment* segment = module.image->segment_at(symbol.address);
    if (!placement.pointer_in) return;
    found_.sites.push_back({.call = named.call,
                            .library = module.library,
                            .function = std::string(named.name),
                            .file = file,
                            .module = module.name,
                            .offset = placement.vaddr - symbol.address,
                            .file_offset = placement.vaddr - segment->address + segment->offset,
                            .lock_in = *placement.pointer_in,
                            .condition_in = placement.size_in,
                            .emulated = placement.emulated,
                            .instruction = placement.instruction,
                            .why_entry = placement.why_entry,
                            .cost_ns = {}});
  }

  ProcessSymbols* symbols_;
  LockSites found_;
};

}  // namespace

LockSites find_lock_sites(ProcessSymbols& symbols) {
  return LockFunctionFinder(symbols).find();
}

}  // namespace cw
