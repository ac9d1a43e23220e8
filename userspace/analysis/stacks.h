// Stacks as they are shown: asked for only where shown, equal ones together.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/report.h"
#include "model/symbolizer.h"

namespace cw {

// Remembers stacks: many rows of a report share them.
class StackNames {
 public:
  explicit StackNames(Symbolizer& symbolizer) : symbolizer_(symbolizer) {}
  const Stack& of(ImageId image, StackId stack);
  // Without lines and inlined functions, for those that may not be shown.
  const Stack& functions_of(ImageId image, StackId stack);
  // Stacks that were taken and asked for, and those of them that reached the thread's first
  // function.
  [[nodiscard]] std::size_t asked() const;
  [[nodiscard]] std::size_t complete() const;

 private:
  using Stacks = std::map<std::pair<ImageId, StackId>, Stack>;
  Symbolizer& symbolizer_;
  Stacks stacks_;
  Stacks functions_;
  std::map<std::pair<ImageId, StackId>, bool> complete_;  // of all that were asked for
};

// True when two stacks went through the same functions.
bool same_functions(const Stack& a, const Stack& b);
// The same of the callers alone, by whichever call of the lock's machinery they took it.
bool same_callers(const Stack& a, const Stack& b);

// The function to blame, short; empty when nothing has a name.
std::string own_function(const Stack& stack);
// The same, or "orders+0x1234" where it has no name.
std::string own_place(const Stack& stack);

}  // namespace cw
