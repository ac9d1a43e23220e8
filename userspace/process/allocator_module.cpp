#include "process/allocator_module.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "process/code_flow.h"
#include "process/elf_imports.h"
#include "process/mapped_file.h"
#include "process/probe_placement.h"

namespace cw {
namespace {

constexpr unsigned kMaxCallDepth = 3;  // of calls within the allocator: deeper down it is its pages

// Whether a function for `outer` that always goes on to one for `inner` needs no probe of its own.
bool is_counted_by(AllocCall outer, AllocCall inner) {
  const CallShape from = shape_of(outer);
  const CallShape to = shape_of(inner);
  return from.allocates == to.allocates && from.frees() == to.frees();
}

// Whose internal functions are recognised by name where they share a program with other code.
bool is_internal_name(AllocatorFamily family, std::string_view name) {
  switch (family) {
    case AllocatorFamily::kStandard:
      return false;
    case AllocatorFamily::kJemalloc:
      return name.find("je_") != std::string_view::npos ||
             name.find("_rjem_") != std::string_view::npos;
    case AllocatorFamily::kMimalloc:
      return name.find("mi_") != std::string_view::npos;
    case AllocatorFamily::kTcmalloc:
      return name.find("tcmalloc") != std::string_view::npos ||
             name.find("tc_") != std::string_view::npos;
  }
  return false;
}

// What one probed function leads to.
struct Leads {
  std::set<std::uint64_t> jumps;                           // entries
  std::map<std::uint64_t, std::set<std::uint64_t>> calls;  // entry -> where the call returns to
  std::map<std::string, std::set<std::uint64_t>> calls_elsewhere;
};

class LeadFinder {
 public:
  LeadFinder(const LoadedModule& module, CodeFlow& flow, const std::set<std::uint64_t>& entries)
      : module_(&module), flow_(&flow), entries_(&entries) {}

  Leads from(const AllocFunction& function) {
    leads_ = {};
    visited_.clear();
    family_ = function.named.family;
    for (const Destination& tail : flow_->flow_of(function.vaddr).tails)
      if (entries_->contains(tail.vaddr)) leads_.jumps.insert(tail.vaddr);
    visit(function.vaddr, 0);
    return std::move(leads_);
  }

 private:
  void note(const Destination& to, std::uint64_t returns_to) {
    if (to.vaddr == 0 && standard_call(to.name))
      leads_.calls_elsewhere[to.name].insert(returns_to);
    else if (entries_->contains(to.vaddr))
      leads_.calls[to.vaddr].insert(returns_to);
  }

  void visit(std::uint64_t at, unsigned depth) {
    if (!visited_.insert(at).second) return;
    for (const FunctionFlow::Call& call : flow_->flow_of(at).calls) {
      note(call.to, call.returns_to);
      const std::uint64_t callee = call.to.vaddr;
      if (callee == 0 || entries_->contains(callee) || !is_internal(callee, depth + 1)) continue;
      for (const Destination& tail : flow_->flow_of(callee).tails) note(tail, call.returns_to);
      visit(callee, depth + 1);
    }
  }

  // Whether a function is the allocator's alone. In a library of its own all are; beside other code
  // only what its entries call directly, and what its name tells.
  [[nodiscard]] bool is_internal(std::uint64_t vaddr, unsigned depth) const {
    if (depth > kMaxCallDepth) return false;
    const bool own_library =
        !module_->is_program && module_->standard_names != AllocatorFamily::kStandard;
    if (own_library || depth == 1) return true;
    const ElfSymbol* symbol = module_->image->function_at(vaddr);
    return symbol != nullptr && is_internal_name(family_, module_->image->name_of(*symbol));
  }

  const LoadedModule* module_;
  CodeFlow* flow_;
  const std::set<std::uint64_t>* entries_;
  AllocatorFamily family_ = AllocatorFamily::kStandard;
  std::set<std::uint64_t> visited_;
  Leads leads_;
};

class SiteMaker {
 public:
  SiteMaker(const LoadedModule& module, std::shared_ptr<const Fd> file)
      : module_(&module),
        file_(std::move(file)),
        code_(read_code(file_->get(), *module.image,
                        {.start = module.functions.front().vaddr,
                         .end = module.functions.back().vaddr + module.functions.back().size})),
        imports_(read_imports(file_->get())) {}

  ModuleSites make() {
    ModuleSites made;
    if (code_.bytes.empty()) {
      made.problem = "its code cannot be read";
      return made;
    }
    const auto counted = find_counted();
    place_all(counted, made);
    connect(counted, made);
    return made;
  }

 private:
  [[nodiscard]] std::optional<AllocCall> call_at(const Destination& to) const {
    if (to.vaddr == 0) return standard_call(to.name);
    const auto found =
        std::ranges::lower_bound(module_->functions, to.vaddr, {}, &AllocFunction::vaddr);
    if (found == module_->functions.end() || found->vaddr != to.vaddr) return std::nullopt;
    return found->named.call;
  }

  // The functions that do the work themselves.
  std::vector<const AllocFunction*> find_counted() {
    std::set<std::uint64_t> all;
    for (const AllocFunction& function : module_->functions) all.insert(function.vaddr);
    CodeFlow flow(code_, *module_->image, imports_, all);
    std::vector<const AllocFunction*> counted;
    for (const AllocFunction& function : module_->functions) {
      const auto is_handed_to = [&](const Destination& to) {
        const auto call = call_at(to);
        return call && to.vaddr != function.vaddr && is_counted_by(function.named.call, *call);
      };
      if (!function.indirect && !flow.only_hands_over(function.vaddr, is_handed_to))
        counted.push_back(&function);
    }
    return counted;
  }

  void place_all(const std::vector<const AllocFunction*>& counted, ModuleSites& made) const {
    std::vector<AddressRange> ranges;
    ranges.reserve(counted.size());
    for (const AllocFunction* function : counted)
      ranges.push_back({.start = function->vaddr, .end = function->vaddr + function->size});
    const Landings landings = landings_in(code_, ranges);
    for (const AllocFunction* function : counted) {
      auto code = code_.from(function->vaddr);
      code = code.first(std::min<std::size_t>(code.size(), function->size));
      const auto from_outside = landings.find(function->vaddr);
      const Placement placement =
          place(code, function->vaddr, function->named.call,
                from_outside == landings.end() ? std::span<const std::uint64_t>()
                                               : std::span(from_outside->second));
      made.sites.push_back({.probe = probe_at(*function, placement), .named = function->named});
    }
  }

  [[nodiscard]] ProbeSite probe_at(const AllocFunction& function,
                                   const Placement& placement) const {
    const ElfSegment* segment = module_->image->segment_at(function.vaddr);
    const std::uint64_t to_offset = segment->offset - segment->address;
    ProbeSite site;
    site.call = function.named.call;
    site.function = function.symbol;
    site.file = file_;
    site.module = module_->name;
    site.size = function.size;
    site.entry_vaddr = function.vaddr;
    site.entry_offset = function.vaddr + to_offset;
    site.vaddr = placement.vaddr;
    site.file_offset = placement.vaddr + to_offset;
    site.load_bias = module_->bias;
    site.size_in = placement.size_in;
    site.count_in = placement.count_in;
    site.pointer_in = placement.pointer_in;
    site.pushed = placement.pushed;
    site.emulated = placement.emulated;
    site.instruction = placement.instruction;
    site.why_entry = placement.why_entry;
    return site;
  }

  // Tells each site which hits on it belong to calls that are counted elsewhere.
  void connect(const std::vector<const AllocFunction*>& counted, ModuleSites& made) const {
    std::set<std::uint64_t> entries;
    for (const AllocFunction* function : counted) entries.insert(function->vaddr);
    CodeFlow flow(code_, *module_->image, imports_, entries);
    LeadFinder finder(*module_, flow, entries);
    std::map<std::uint64_t, std::vector<AddressRange>> nested;
    for (std::size_t i = 0; i < counted.size(); ++i) {
      const Leads leads = finder.from(*counted[i]);
      for (const std::uint64_t entry : leads.jumps)
        made.sites[i].probe.jumps_to.push_back(entry + module_->bias);
      for (const auto& [entry, returns] : leads.calls) {
        for (const std::uint64_t address : returns)
          nested[entry].push_back(call_range(*counted[i], address));
      }
      for (const auto& [name, returns] : leads.calls_elsewhere) {
        for (const std::uint64_t address : returns)
          made.nested_elsewhere[name].insert(address + module_->bias);
      }
    }
    for (ModuleSites::Site& site : made.sites)
      site.probe.nested_in = merged(std::move(nested[site.probe.entry_vaddr]));
  }

  // All calls from inside the caller are part of its own call.
  [[nodiscard]] AddressRange call_range(const AllocFunction& caller,
                                        std::uint64_t returns_to) const {
    const bool inside = returns_to > caller.vaddr && returns_to <= caller.vaddr + caller.size;
    if (!inside)
      return {.start = returns_to + module_->bias, .end = returns_to + module_->bias + 1};
    return {.start = caller.vaddr + module_->bias,
            .end = caller.vaddr + caller.size + module_->bias + 1};
  }

  static std::vector<AddressRange> merged(std::vector<AddressRange> ranges) {
    std::ranges::sort(ranges, {}, &AddressRange::start);
    std::vector<AddressRange> out;
    for (const AddressRange& range : ranges) {
      if (!out.empty() && range.start <= out.back().end)
        out.back().end = std::max(out.back().end, range.end);
      else
        out.push_back(range);
    }
    return out;
  }

  const LoadedModule* module_;
  std::shared_ptr<const Fd> file_;
  CodeWindow code_;
  ElfImports imports_;
};

}  // namespace

ModuleSites sites_of(const ProcessSymbols& symbols, const LoadedModule& module) {
  ModuleSites none;
  if (module.functions.empty()) return none;
  auto file = std::make_shared<const Fd>(open_mapped_file(symbols.directory(), module.mapping));
  if (!*file) {
    none.problem = "its file cannot be opened";
    return none;
  }
  return SiteMaker(module, std::move(file)).make();
}

}  // namespace cw
