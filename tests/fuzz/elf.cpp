#include <algorithm>

#include "input.h"
#include "process/elf_symbols.h"
#include "process/memory_file.h"

// Everything that is asked of a file, of .gnu_debugdata and of Go's table in it; the file is its
// own debug file, too.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const cw::Fd file = cw::file_in_memory(cw::fuzz::text_of(bytes, size));
  const auto loaded = cw::load_elf(file.get(), [&](const cw::ElfContents&) {
    return cw::DebugFile{.file = cw::file_in_memory(cw::fuzz::text_of(bytes, size)),
                         .alternate = {}};
  });
  if (!loaded) return 0;
  const cw::ElfImage& image = *loaded->image;
  for (const cw::ElfSymbol& symbol : image.contents().functions) {
    cw::fuzz::use(image.name_of(symbol));
    cw::fuzz::use(image.function_at(symbol.address + symbol.size / 2));
  }
  for (const cw::ElfSymbol& symbol : image.contents().objects) {
    cw::fuzz::use(image.name_of(symbol));
    cw::fuzz::use(image.object_at(symbol.address));
  }
  for (const cw::ElfSegment& segment : image.contents().segments) {
    cw::fuzz::use(image.code_address(segment.offset));
    cw::fuzz::use(image.segment_at(segment.address));
    cw::fuzz::use(image.is_outermost(segment.address));
  }
  cw::fuzz::use(image.bytes() + image.first_page());
  return 0;
}
