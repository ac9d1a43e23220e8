#include "process/hotspot_code.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "input.h"
#include "process/memory_file.h"

// The input is the memory of a virtual machine from address 0 on; its two variables lie at 8
// and 16.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto code =
      cw::HotspotCode::open(cw::file_in_memory(cw::fuzz::text_of(bytes, size)), 8, 16);
  if (!code) return 0;
  const auto pieces = code->pieces();
  if (pieces.size() > cw::HotspotCode::kMaxPieces) std::abort();
  for (const auto& piece : pieces) {
    if (piece.start >= piece.end) std::abort();
    cw::fuzz::use(code->name_of(piece));
    cw::fuzz::use(code->name_of_method(piece.start));
  }
  const cw::UnwindTable unwind = cw::unwind_table(pieces);
  if (unwind.pc.size() != unwind.rule.size() || !std::ranges::is_sorted(unwind.pc)) std::abort();
  return 0;
}
