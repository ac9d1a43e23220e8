#include "process/perf_map.h"

#include <cstdlib>

#include "input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  cw::PerfMap map;
  const auto text = cw::fuzz::text_of(bytes, size);
  if (map.add(text) > size) std::abort();
  for (std::uint64_t address = 0; address < 0x2000; address += 7) {
    const auto function = map.at(address);
    if (!function) continue;
    if (function->offset > address) std::abort();
    cw::fuzz::use(cw::script_place(function->name));
  }
  return 0;
}
