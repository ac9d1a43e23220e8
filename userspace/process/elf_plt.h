// Names for the procedure linkage table: the stubs through which a program calls its libraries.
#pragma once

#include <libelf.h>

#include "process/elf_symbol_reader.h"

namespace cw {

// Adds "puts@plt" and the like, as symbols of their own: which function a stub calls is told by the
// place its jump reads (x86-64: JMP r/m64, opcode FF /4) and the relocation of that place (psABI
// for AMD64, section 5.2). Other machines' stubs stay nameless.
void read_plt(Elf* elf, SymbolPool& pool);

}  // namespace cw
