#include "process/demangle.h"

#include <cstdlib>

#include "input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string name = cw::demangle(cw::fuzz::text_of(bytes, size));
  if (name.size() > cw::kMaxDemangled) std::abort();
  return 0;
}
