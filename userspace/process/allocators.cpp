#include "process/allocators.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "process/allocator_module.h"
#include "process/link_order.h"
#include "process/proc.h"
#include "process/proc_files.h"
#include "process/runtimes.h"

namespace cw {
namespace {

constexpr std::size_t kLast = std::numeric_limits<std::size_t>::max();

bool is_c_library(std::string_view name) {
  return name == "libc.so.6" || name == "libc.so" || name.starts_with("libc-2.") ||
         name.starts_with("ld-musl-") || name.starts_with("libc.musl-");
}

// glibc's dynamic linker has an allocator for its own start.
bool is_dynamic_linker(std::string_view name) {
  return name.starts_with("ld-linux") || name.starts_with("ld-2.") || name == "ld.so";
}

// Functions that programs call by these names even where another allocator took over malloc.
bool is_common(AllocCall call) {
  return call == AllocCall::kMalloc || call == AllocCall::kCalloc || call == AllocCall::kRealloc ||
         call == AllocCall::kAlignedAlloc || call == AllocCall::kPosixMemalign ||
         call == AllocCall::kFree;
}

class AllocatorFinder {
 public:
  explicit AllocatorFinder(ProcessSymbols& symbols) : symbols_(&symbols) {}

  std::vector<AllocatorSites> find() {
    if (is_32bit(symbols_->pid())) return {unseen("a 32-bit program: not supported")};
    runtimes_ = runtimes_of(*symbols_);
    list_modules();
    find_defaults();
    for (const LoadedModule& module : modules_)
      if (!module.functions.empty()) add_module(module);
    resolve_nested();
    add_unseen();
    std::ranges::sort(found_, {}, [](const AllocatorSites& allocator) {
      return std::tie(allocator.reach, allocator.module, allocator.allocator);
    });
    return std::move(found_);
  }

 private:
  using Where = std::pair<const LoadedModule*, AllocatorFamily>;

  AllocatorSites unseen(std::string why) const {
    AllocatorSites allocator;
    allocator.allocator = runtimes_.allocators.empty() ? "unknown" : runtimes_.allocators.front();
    allocator.module = std::string(file_name_of(exe_of(symbols_->pid())));
    allocator.not_observable.push_back(std::move(why));
    return allocator;
  }

  void list_modules() {
    const auto order = link_order(*symbols_);
    const std::string exe = exe_of(symbols_->pid());
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t>> seen;
    for (const Mapping& mapping : symbols_->memory_map().mappings()) {
      // Code moved elsewhere leaves a module without executable mapping of its file.
      if (!mapping.of_file() || mapping.past || (!mapping.executable && mapping.offset != 0))
        continue;
      const auto image = symbols_->image_of(mapping);
      const auto bias = image ? symbols_->load_bias(mapping, *image) : std::nullopt;
      if (!bias ||
          !seen.emplace(mapping.device_major, mapping.device_minor, mapping.inode, *bias).second)
        continue;
      LoadedModule module;
      module.mapping = mapping;
      module.name = file_name_of(mapping.path);
      module.image = image;
      module.bias = *bias;
      module.is_program = mapping.path == exe;
      const auto place = std::ranges::find(order, *bias);
      module.order = place != order.end() ? static_cast<std::size_t>(place - order.begin())
                                          : guessed_order(module);
      if (!is_dynamic_linker(module.name)) list_functions(module);
      modules_.push_back(std::move(module));
    }
    std::ranges::sort(modules_, {}, [](const LoadedModule& module) {
      return std::pair(module.order, module.mapping.start);
    });
  }

  // Without the linker's own list: the program, libraries, the C library.
  [[nodiscard]] static std::size_t guessed_order(const LoadedModule& module) {
    if (module.is_program) return 0;
    return is_c_library(module.name) ? kLast : kLast - 1;
  }

  static void list_functions(LoadedModule& module) {
    const AllocatorNames names(*module.image);
    module.standard_names = names.standard_names_of();
    for (const ElfSymbol& symbol : module.image->contents().functions) {
      const auto name = module.image->name_of(symbol);
      if (name.ends_with("@plt")) continue;  // a stub of ours for a call to elsewhere
      const auto named = names.call_of(name);
      if (!named) continue;
      const ElfSegment* segment = module.image->segment_at(symbol.address);
      if (segment == nullptr || !segment->executable) continue;
      module.functions.push_back({.symbol = std::string(name.substr(0, name.find('@'))),
                                  .vaddr = symbol.address,
                                  .size = symbol.size,
                                  .named = *named,
                                  .exported = symbol.exported != 0,
                                  .indirect = symbol.indirect != 0});
    }
  }

  // Which module's functions the standard names lead to.
  void find_defaults() {
    for (const LoadedModule& module : modules_) {
      for (const AllocFunction& function : module.functions) {
        if (function.named.prefixed || !(function.exported || module.is_program)) continue;
        default_of_.try_emplace(function.named.call, &module);
      }
    }
  }

  [[nodiscard]] bool is_default(const LoadedModule& module, AllocCall call) const {
    const auto found = default_of_.find(call);
    return found != default_of_.end() && found->second == &module;
  }

  // Whether the program or what it needs, directly or not, needs the library.
  [[nodiscard]] bool is_needed(const LoadedModule& module) const {
    const std::string& soname = module.image->contents().soname;
    return std::ranges::any_of(modules_, [&](const LoadedModule& other) {
      return std::ranges::any_of(other.image->contents().needed, [&](const std::string& needed) {
        return needed == soname || needed == module.name;
      });
    });
  }

  [[nodiscard]] static bool has_standard_malloc(const LoadedModule& module) {
    return std::ranges::any_of(module.functions, [](const AllocFunction& function) {
      return !function.named.prefixed && function.exported &&
             function.named.call == AllocCall::kMalloc;
    });
  }

  [[nodiscard]] AllocatorReach reach_of(const LoadedModule& module, bool prefixed) const {
    if (is_default(module, AllocCall::kMalloc))
      return prefixed ? AllocatorReach::kOwnNames : AllocatorReach::kDefault;
    if (module.is_program || !has_standard_malloc(module)) return AllocatorReach::kOwnNames;
    if (!is_c_library(module.name) && !is_needed(module)) return AllocatorReach::kByHand;
    return prefixed ? AllocatorReach::kOwnNames : AllocatorReach::kShadowed;
  }

  [[nodiscard]] std::string label_of(const LoadedModule& module, AllocatorFamily family) const {
    if (family != AllocatorFamily::kStandard) return name_of(family);
    const bool is_static = module.is_program && module.image->contents().interpreter.empty();
    if (!is_c_library(module.name) && !is_static) return module.name;
    for (const std::string& language : runtimes_.languages)
      if (language.starts_with("glibc") || language.starts_with("musl")) return language;
    if (is_static && module.image->any_name_holds("ptmalloc_init")) return "glibc";
    if (!is_static) return "musl";  // a C library without glibc's banner
    return module.name;
  }

  // The kernel probes code by its file: where a page of it was replaced there is nothing to probe.
  [[nodiscard]] bool is_in_place(const LoadedModule& module, std::uint64_t vaddr) const {
    const Mapping* there = symbols_->memory_map().find(vaddr + module.bias);
    return there != nullptr && there->executable && there->same_file(module.mapping);
  }

  AllocatorSites& group_for(const LoadedModule& module, AllocatorFamily family,
                            AllocatorReach reach) {
    const auto [place, is_new] = groups_.try_emplace(Where{&module, family}, found_.size());
    if (is_new) {
      AllocatorSites group;
      group.allocator = label_of(module, family);
      group.module = module.name;
      group.reach = reach;
      found_.push_back(std::move(group));
    }
    AllocatorSites& group = found_[place->second];
    group.reach = std::min(group.reach, reach);
    return group;
  }

  void add_module(const LoadedModule& module) {
    ModuleSites made = sites_of(*symbols_, module);
    if (!made.problem.empty()) {
      group_for(module, module.functions.front().named.family, reach_of(module, false))
          .not_observable.push_back(made.problem);
      return;
    }
    for (const auto& [name, addresses] : made.nested_elsewhere)
      nested_elsewhere_[name].insert(addresses.begin(), addresses.end());
    for (const AllocFunction& function : module.functions) {
      if (function.indirect)
        group_for(module, function.named.family, reach_of(module, function.named.prefixed))
            .not_observable.push_back(function.symbol +
                                      ": which function it is is chosen at start (IFUNC)");
    }
    std::map<AllocatorFamily, std::vector<std::string>> moved;
    for (ModuleSites::Site& site : made.sites) add_site(module, site, moved);
    for (const auto& [family, names] : moved) {
      const bool one = names.size() == 1;
      group_for(module, family, AllocatorReach::kShadowed)
          .not_observable.push_back(fmt::format(
              "{}{}: the code was moved to memory of no file, which the kernel does not probe",
              names.front(), one ? "" : fmt::format(" and {} more", names.size() - 1)));
    }
  }

  void add_site(const LoadedModule& module, ModuleSites::Site& site,
                std::map<AllocatorFamily, std::vector<std::string>>& moved) {
    const AllocatorReach reach = reach_of(module, site.named.prefixed);
    // What is left of a library whose malloc was taken over counts name by name.
    if (reach == AllocatorReach::kShadowed &&
        !(is_default(module, site.named.call) && is_common(site.named.call))) {
      AllocatorSites& group = group_for(module, site.named.family, reach);
      if (group.not_observable.empty())
        group.not_observable.push_back(
            fmt::format("its functions are not reached: {} took over their names",
                        default_of_.at(AllocCall::kMalloc)->name));
      return;
    }
    AllocatorSites& group = group_for(module, site.named.family, reach);
    if (!is_in_place(module, site.probe.entry_vaddr)) {
      moved[site.named.family].push_back(site.probe.function);
      return;
    }
    group.sites.push_back(std::move(site.probe));
  }

  // Calls between files go to what the standard names lead to.
  void resolve_nested() {
    for (AllocatorSites& group : found_) {
      if (group.reach != AllocatorReach::kDefault) continue;
      for (ProbeSite& site : group.sites) {
        const auto nested = nested_elsewhere_.find(site.function);
        if (nested == nested_elsewhere_.end()) continue;
        for (const std::uint64_t address : nested->second)
          site.nested_in.push_back({.start = address, .end = address + 1});
        std::ranges::sort(site.nested_in, {}, &AddressRange::start);
      }
    }
  }

  [[nodiscard]] bool is_found(std::string_view allocator) const {
    return std::ranges::any_of(found_, [allocator](const AllocatorSites& group) {
      return std::string_view(group.allocator).starts_with(allocator);
    });
  }

  // Allocators that are there without names.
  void add_unseen() {
    const auto program = std::ranges::find(modules_, true, &LoadedModule::is_program);
    const bool is_go = std::ranges::any_of(
        runtimes_.languages, [](const std::string& name) { return name.starts_with("Go"); });
    if (is_go) {
      AllocatorSites go = unseen("allocations by the Go runtime are made inline: not supported");
      go.allocator = "Go";
      go.reach = AllocatorReach::kOwnNames;
      found_.push_back(std::move(go));
    }
    if (program == modules_.end()) return;
    const bool is_static = program->image->contents().interpreter.empty();
    for (const std::string& name : runtimes_.allocators) {
      const auto family = std::string_view(name).substr(0, name.find(' '));
      if (is_found(family)) continue;
      AllocatorSites hidden = unseen(no_names(*program));
      hidden.allocator = name;
      hidden.reach = is_static ? AllocatorReach::kDefault : AllocatorReach::kOwnNames;
      found_.push_back(std::move(hidden));
    }
    if (found_.empty() && is_static) found_.push_back(unseen(no_names(*program)));
  }

  static std::string no_names(const LoadedModule& program) {
    return fmt::format(
        "it is linked into {}, whose symbols were stripped: its functions cannot be "
        "found",
        program.name);
  }

  ProcessSymbols* symbols_;
  Runtimes runtimes_;
  std::vector<LoadedModule> modules_;  // in the order names are looked up
  std::map<AllocCall, const LoadedModule*> default_of_;
  std::map<Where, std::size_t> groups_;  // index in found_
  std::map<std::string, std::set<std::uint64_t>> nested_elsewhere_;
  std::vector<AllocatorSites> found_;
};

}  // namespace

std::vector<AllocatorSites> find_allocator_sites(ProcessSymbols& symbols) {
  return AllocatorFinder(symbols).find();
}

}  // namespace cw
