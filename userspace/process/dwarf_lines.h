// Lines and inlined functions from DWARF 2 to 5, read by libdw (dwarfstd.org).
//
// libdw trusts its input more than a file of an observed process deserves: see line_server.h for
// the process it runs in.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <memory>

#include "model/error.h"
#include "process/source_lines.h"

namespace cw {

class DwarfLines {
 public:
  // `elf`, and the file that dwz put what several share into (null: none), both outlive this. Fails
  // when there is no DWARF. Reads the units' address ranges, not their contents.
  static Result<std::unique_ptr<DwarfLines>> open(Elf* elf, Elf* alternate);

  DwarfLines(const DwarfLines&) = delete;
  DwarfLines& operator=(const DwarfLines&) = delete;
  DwarfLines(DwarfLines&&) = delete;
  DwarfLines& operator=(DwarfLines&&) = delete;
  ~DwarfLines();

  // `vaddr`: of an instruction, or inside one, as the file has addresses. The first time in a
  // compilation unit decodes its line table and lists its functions.
  SourceFrames at(std::uint64_t vaddr);

 private:
  class Units;
  explicit DwarfLines(std::unique_ptr<Units> units);

  std::unique_ptr<Units> units_;
};

}  // namespace cw
