#include "process/allocator_names.h"

#include <algorithm>
#include <array>
#include <span>

#include "process/demangle.h"

namespace cw {
namespace {

struct Name {
  std::string_view text;
  AllocCall call;
};

// C (7.24.3), POSIX, glibc; jemalloc(3); C++ operators as mangled by the Itanium ABI (Rn: nothrow,
// St11align_val_t: aligned).
constexpr auto kStandardNames = std::to_array<Name>({
    {"malloc", AllocCall::kMalloc},
    {"valloc", AllocCall::kMalloc},
    {"pvalloc", AllocCall::kMalloc},
    {"calloc", AllocCall::kCalloc},
    {"realloc", AllocCall::kRealloc},
    {"reallocf", AllocCall::kRealloc},
    {"reallocarray", AllocCall::kReallocarray},
    {"aligned_alloc", AllocCall::kAlignedAlloc},
    {"memalign", AllocCall::kAlignedAlloc},
    {"posix_memalign", AllocCall::kPosixMemalign},
    {"free", AllocCall::kFree},
    {"cfree", AllocCall::kFree},
    {"free_sized", AllocCall::kFreeSized},
    {"free_aligned_sized", AllocCall::kFree},
    {"mallocx", AllocCall::kMallocAligned},
    {"rallocx", AllocCall::kRealloc},
    {"dallocx", AllocCall::kFree},
    {"sdallocx", AllocCall::kFreeSized},
    {"_Znwm", AllocCall::kNew},
    {"_Znam", AllocCall::kNew},
    {"_ZnwmSt11align_val_t", AllocCall::kNew},
    {"_ZnamSt11align_val_t", AllocCall::kNew},
    {"_ZnwmRKSt9nothrow_t", AllocCall::kNewNothrow},
    {"_ZnamRKSt9nothrow_t", AllocCall::kNewNothrow},
    {"_ZnwmSt11align_val_tRKSt9nothrow_t", AllocCall::kNewNothrow},
    {"_ZnamSt11align_val_tRKSt9nothrow_t", AllocCall::kNewNothrow},
    {"_ZdlPv", AllocCall::kFree},
    {"_ZdaPv", AllocCall::kFree},
    {"_ZdlPvRKSt9nothrow_t", AllocCall::kFree},
    {"_ZdaPvRKSt9nothrow_t", AllocCall::kFree},
    {"_ZdlPvSt11align_val_t", AllocCall::kFree},
    {"_ZdaPvSt11align_val_t", AllocCall::kFree},
    {"_ZdlPvSt11align_val_tRKSt9nothrow_t", AllocCall::kFree},
    {"_ZdaPvSt11align_val_tRKSt9nothrow_t", AllocCall::kFree},
    {"_ZdlPvm", AllocCall::kFreeSized},
    {"_ZdaPvm", AllocCall::kFreeSized},
    {"_ZdlPvmSt11align_val_t", AllocCall::kFreeSized},
    {"_ZdaPvmSt11align_val_t", AllocCall::kFreeSized},
});

// Behind "mi_" (mimalloc.h) and "tc_" (gperftools/tcmalloc.h).
constexpr auto kOwnNames = std::to_array<Name>({
    {"zalloc", AllocCall::kMalloc},
    {"malloc_small", AllocCall::kMalloc},
    {"zalloc_small", AllocCall::kMalloc},
    {"mallocn", AllocCall::kCalloc},
    {"calloc_aligned", AllocCall::kCalloc},
    {"rezalloc", AllocCall::kRealloc},
    {"realloc_aligned", AllocCall::kRealloc},
    {"rezalloc_aligned", AllocCall::kRealloc},
    {"reallocn", AllocCall::kReallocarray},
    {"recalloc", AllocCall::kReallocarray},
    {"recalloc_aligned", AllocCall::kReallocarray},
    {"malloc_aligned", AllocCall::kMallocAligned},
    {"zalloc_aligned", AllocCall::kMallocAligned},
    {"free_size", AllocCall::kFreeSized},
    {"free_size_aligned", AllocCall::kFreeSized},
    {"free_aligned", AllocCall::kFree},
    {"new", AllocCall::kNew},
    {"newarray", AllocCall::kNew},
    {"new_aligned", AllocCall::kNew},
    {"newarray_aligned", AllocCall::kNew},
    {"new_nothrow", AllocCall::kNewNothrow},
    {"newarray_nothrow", AllocCall::kNewNothrow},
    {"new_aligned_nothrow", AllocCall::kNewNothrow},
    {"newarray_aligned_nothrow", AllocCall::kNewNothrow},
    {"delete", AllocCall::kFree},
    {"deletearray", AllocCall::kFree},
    {"delete_nothrow", AllocCall::kFree},
    {"deletearray_nothrow", AllocCall::kFree},
    {"delete_aligned", AllocCall::kFree},
    {"deletearray_aligned", AllocCall::kFree},
    {"delete_aligned_nothrow", AllocCall::kFree},
    {"deletearray_aligned_nothrow", AllocCall::kFree},
    {"delete_sized", AllocCall::kFreeSized},
    {"deletearray_sized", AllocCall::kFreeSized},
    {"delete_sized_aligned", AllocCall::kFreeSized},
    {"deletearray_sized_aligned", AllocCall::kFreeSized},
});

std::optional<AllocCall> look_up(std::span<const Name> names, std::string_view text) {
  const auto found = std::ranges::find(names, text, &Name::text);
  if (found == names.end()) return std::nullopt;
  return found->call;
}

// The most that a name of either table has behind a prefix, and the prefix.
constexpr std::size_t kLongestName = 64;

}  // namespace

const char* name_of(AllocatorFamily family) {
  switch (family) {
    case AllocatorFamily::kStandard:
      return "";
    case AllocatorFamily::kJemalloc:
      return "jemalloc";
    case AllocatorFamily::kMimalloc:
      return "mimalloc";
    case AllocatorFamily::kTcmalloc:
      return "tcmalloc";
  }
  return "";
}

std::optional<AllocCall> standard_call(std::string_view symbol) {
  symbol = without_version(symbol);
  if (symbol.size() > kLongestName) return std::nullopt;
  return look_up(kStandardNames, symbol);
}

AllocatorNames::AllocatorNames(const ElfImage& image) {
  constexpr std::string_view kControl = "mallctl";  // every jemalloc has it: jemalloc(3)
  constexpr std::size_t kMaxPrefix = 24;
  constexpr std::size_t kMaxPrefixes = 8;
  const auto add = [this](std::string_view prefix, AllocatorFamily family) {
    if (prefixes_.size() < kMaxPrefixes &&
        std::ranges::find(prefixes_, prefix, &NamePrefix::text) == prefixes_.end())
      prefixes_.push_back({std::string(prefix), family});
  };
  add("mi_", AllocatorFamily::kMimalloc);
  add("tc_", AllocatorFamily::kTcmalloc);
  for (const ElfSymbol& symbol : image.contents().functions) {
    const auto name = without_version(image.name_of(symbol));
    if (name == "mi_version" || name == "mi_malloc_generic") standard_ = AllocatorFamily::kMimalloc;
    if (name == "tc_version" || name == "TCMallocInternalMalloc")
      standard_ = AllocatorFamily::kTcmalloc;
    if (!name.ends_with(kControl) || name.size() > kMaxPrefix) continue;
    const auto prefix = name.substr(0, name.size() - kControl.size());
    if (prefix.empty())
      standard_ = AllocatorFamily::kJemalloc;
    else
      add(prefix, AllocatorFamily::kJemalloc);
  }
}

std::optional<NamedCall> AllocatorNames::call_of(std::string_view symbol) const {
  symbol = without_version(symbol);
  if (symbol.size() > kLongestName) return std::nullopt;
  if (const auto call = look_up(kStandardNames, symbol))
    return NamedCall{.call = *call, .family = standard_, .prefixed = false};
  for (const NamePrefix& prefix : prefixes_) {
    if (!symbol.starts_with(prefix.text)) continue;
    const auto base = symbol.substr(prefix.text.size());
    auto call = look_up(kStandardNames, base);
    if (!call && prefix.family != AllocatorFamily::kJemalloc) call = look_up(kOwnNames, base);
    if (call) return NamedCall{.call = *call, .family = prefix.family, .prefixed = true};
  }
  return std::nullopt;
}

}  // namespace cw
