// Kinds of call sites by their frames, each asked for once.
#pragma once

#include "analysis/memory.h"
#include "analysis/runtime_frames.h"
#include "analysis/stacks.h"

namespace cw {

class SiteKinds {
 public:
  SiteKinds(Memory& memory, StackNames& stacks) : memory_(memory), stacks_(stacks) {}

  // Null when it was never asked for.
  [[nodiscard]] const SiteKind* known(const CallSite& site) const;
  // Null when the stack was not kept.
  const SiteKind* ask(const CallSite& site);
  // Whether a wake lets go of a lock or signals idle waiters, by its frames.
  WakeMeans wake_means(ImageId image, StackId stack);

 private:
  Memory& memory_;
  StackNames& stacks_;
};

}  // namespace cw
