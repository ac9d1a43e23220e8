#include "model/alloc_site.h"

namespace cw {

const char* name_of(AllocCall call) {
  switch (call) {
    case AllocCall::kMalloc:
      return "malloc";
    case AllocCall::kCalloc:
      return "calloc";
    case AllocCall::kRealloc:
      return "realloc";
    case AllocCall::kReallocarray:
      return "reallocarray";
    case AllocCall::kAlignedAlloc:
      return "aligned_alloc";
    case AllocCall::kPosixMemalign:
      return "posix_memalign";
    case AllocCall::kMallocAligned:
      return "malloc_aligned";
    case AllocCall::kNew:
      return "operator new";
    case AllocCall::kNewNothrow:
      return "operator new, nothrow";
    case AllocCall::kFree:
      return "free";
    case AllocCall::kFreeSized:
      return "free_sized";
  }
  return "";
}

const char* name_of(AllocatorReach reach) {
  switch (reach) {
    case AllocatorReach::kDefault:
      return "default";
    case AllocatorReach::kOwnNames:
      return "own names";
    case AllocatorReach::kByHand:
      return "by hand";
    case AllocatorReach::kShadowed:
      return "shadowed";
  }
  return "";
}

CallShape shape_of(AllocCall call) {
  switch (call) {
    case AllocCall::kMalloc:
    case AllocCall::kMallocAligned:
    case AllocCall::kNewNothrow:
      return {.size = 0, .allocates = true};
    case AllocCall::kNew:
      return {.size = 0, .allocates = true, .may_throw = true};
    case AllocCall::kCalloc:
      return {.size = 1, .count = 0, .allocates = true};
    case AllocCall::kRealloc:
      return {.size = 1, .pointer = 0, .allocates = true};
    case AllocCall::kReallocarray:
      return {.size = 2, .count = 1, .pointer = 0, .allocates = true};
    case AllocCall::kAlignedAlloc:
      return {.size = 1, .allocates = true};
    case AllocCall::kPosixMemalign:
      return {.size = 2, .allocates = true, .result_in_memory = true};
    case AllocCall::kFree:
      return {.pointer = 0};
    case AllocCall::kFreeSized:
      return {.size = 1, .pointer = 0};
  }
  return {};
}

}  // namespace cw
