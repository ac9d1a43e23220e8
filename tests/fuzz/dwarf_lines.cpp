#include "process/dwarf_lines.h"

#include <algorithm>

#include "input.h"
#include "process/elf_file.h"
#include "process/memory_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const cw::Fd file = cw::file_in_memory(cw::fuzz::text_of(bytes, size));
  const auto elf = cw::open_elf(file.get());
  if (!elf) return 0;
  auto lines = cw::DwarfLines::open(elf->get(), elf->get());
  if (!lines) return 0;
  // The corpus's programs have their code here.
  for (std::uint64_t address = 0x1000; address < 0x1100; address += 3)
    cw::fuzz::use((*lines)->at(address));
  return 0;
}
