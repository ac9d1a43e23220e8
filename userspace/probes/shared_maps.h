// Programs of ours that are loaded apart work on the same maps.
#pragma once

#include <span>

#include "model/error.h"
#include "probes/lock_probes.h"

struct bpf_object;

namespace cw {

// To be called before loading: the maps of `object` become those of `locks`, except for those named
// in `ours`. What `locks` does not have is not made either.
Result<void> share_maps(bpf_object* object, const LockProbes& locks,
                        std::span<const char* const> ours);

}  // namespace cw
