// DWARF expressions in call frame information. Few shapes are in use, and each has a rule; a
// general interpreter would have to run in the kernel.
#pragma once

#include "model/unwind.h"
#include "process/cfi_cursor.h"
#include "process/cfi_state.h"

namespace cw {

// DW_CFA_def_cfa_expression; kNone for a shape that is not known:
//   breg N; deref [; plus_uconst K]                         gcc's realigned stacks, OpenSSL, OCaml
//   breg7 8; breg16 0; lit15; and; litT; ge; lit3; shl; plus    the linker's PLT
//   breg N [; plus_uconst K]
UnwindRule cfa_by_expression(CfiCursor expression);

// DW_CFA_expression: where a register is saved. Known: breg N.
CfiRegister saved_by_expression(CfiCursor expression);

}  // namespace cw
