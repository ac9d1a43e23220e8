// Which function of which allocator a symbol names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/alloc_site.h"
#include "process/elf_symbols.h"

namespace cw {

// Who wrote an allocator, as far as its names differ.
enum class AllocatorFamily : std::uint8_t { kStandard, kJemalloc, kMimalloc, kTcmalloc };
const char* name_of(AllocatorFamily family);  // "jemalloc"...; empty: kStandard

// What is put before the names of an allocator that stands beside another one: "_rjem_", "je_",
// "mi_", "tc_", or what was chosen when a jemalloc was built. Empty: the standard names.
struct NamePrefix {
  std::string text;
  AllocatorFamily family = AllocatorFamily::kStandard;
};

struct NamedCall {
  AllocCall call = AllocCall::kMalloc;
  AllocatorFamily family = AllocatorFamily::kStandard;  // by its prefix
  bool prefixed = false;
};

class AllocatorNames {
 public:
  // Takes the prefixes from the file's own names.
  explicit AllocatorNames(const ElfImage& image);

  // The call that a function of the file is; empty for others.
  [[nodiscard]] std::optional<NamedCall> call_of(std::string_view symbol) const;
  // Whose the functions with standard names are, by names beside them.
  [[nodiscard]] AllocatorFamily standard_names_of() const { return standard_; }

 private:
  std::vector<NamePrefix> prefixes_;
  AllocatorFamily standard_ = AllocatorFamily::kStandard;
};

// The call that a function with a standard name (C, C++, jemalloc's own) is.
std::optional<AllocCall> standard_call(std::string_view symbol);

}  // namespace cw
