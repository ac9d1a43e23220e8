#include "process/line_reader.h"

#include <chrono>
#include <cstdlib>

#include "input.h"
#include "process/memory_file.h"

// DWARF as the observer reads it: whatever a file does to the process that reads it, answers come,
// or are given up.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace std::chrono_literals;
  const cw::Fd file = cw::file_in_memory(cw::fuzz::text_of(bytes, size));
  cw::LineReader reader(1s);
  // The corpus's programs have their code here.
  for (std::uint64_t address = 0x1000; address < 0x1100; address += 13) {
    const auto frames = reader.at(1, file.get(), file.get(), address);
    if (frames && frames->size() > cw::kMaxInlined + 1) std::abort();
  }
  return 0;
}
