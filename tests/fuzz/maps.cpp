#include "process/maps.h"

#include <cstdlib>

#include "input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto map = cw::MemoryMap::parse(cw::fuzz::text_of(bytes, size));
  std::uint64_t end = 0;
  for (const cw::Mapping& mapping : map.mappings()) {
    if (mapping.start < end || mapping.end <= mapping.start) std::abort();
    end = mapping.end;
    if (map.find(mapping.start) != &mapping || map.find(mapping.end - 1) != &mapping) std::abort();
    cw::fuzz::use(map.before(mapping));
  }
  return 0;
}
