// A process whose allocators can be probed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/alloc_site.h"
#include "model/snapshot.h"

namespace cw {

struct BurstTarget {
  std::int32_t pid = 0;
  ImageId image = 0;
  std::string comm;
  double cpus = 0;            // used lately
  double cpus_mean = 0;       // used for longer
  double part_of_budget = 1;  // what others that probe it leave
  // By number: below kAllocators.
  std::vector<AllocatorSites> allocators;
};

// Whether most programs call it so often that it is to be armed for as short a time as possible.
inline bool is_common(AllocCall call) {
  return call == AllocCall::kMalloc || call == AllocCall::kNew || call == AllocCall::kFree ||
         call == AllocCall::kFreeSized;
}

}  // namespace cw
