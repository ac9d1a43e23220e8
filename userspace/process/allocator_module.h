// The allocator's functions in one file: which of them are worth a probe, and where.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/alloc_site.h"
#include "process/allocator_names.h"
#include "process/process_symbols.h"

namespace cw {

// A function of a file that a symbol names as one of an allocator's.
struct AllocFunction {
  std::string symbol;
  std::uint64_t vaddr = 0;
  std::uint64_t size = 0;
  NamedCall named;
  bool exported = false;
  bool indirect = false;  // IFUNC
};

// A file mapped by the process, once for each place it is loaded at.
struct LoadedModule {
  Mapping mapping;  // one of it
  std::string name;
  std::shared_ptr<const ElfImage> image;
  std::uint64_t bias = 0;
  std::size_t order = 0;  // in which the linker looks for names
  bool is_program = false;
  AllocatorFamily standard_names = AllocatorFamily::kStandard;
  std::vector<AllocFunction> functions;  // by address
};

struct ModuleSites {
  struct Site {
    ProbeSite probe;
    NamedCall named;
  };
  std::vector<Site> sites;
  // What other files are called for as part of a counted call: return addresses by the name.
  std::map<std::string, std::set<std::uint64_t>> nested_elsewhere;
  std::string problem;  // the code could not be read
};

// Sites for those of the module's functions that do more than to hand over to others of them (or
// of another file's allocator): only these are counted, so that no call is counted twice.
ModuleSites sites_of(const ProcessSymbols& symbols, const LoadedModule& module);

}  // namespace cw
