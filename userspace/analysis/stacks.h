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
  // Stacks that were taken and asked for, and those of them that reached the thread's first
  // function.
  [[nodiscard]] std::size_t asked() const;
  [[nodiscard]] std::size_t complete() const;

 private:
  Symbolizer& symbolizer_;
  std::map<std::pair<ImageId, StackId>, Stack> stacks_;
};

// True when two stacks went through the same functions.
bool same_functions(const Stack& a, const Stack& b);

// The function to blame, short; empty when nothing has a name.
std::string own_function(const Stack& stack);
// The same, or "orders+0x1234" where it has no name.
std::string own_place(const Stack& stack);

}  // namespace cw
