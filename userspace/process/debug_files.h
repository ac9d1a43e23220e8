// Separate debug files: what was stripped off a program or library, kept elsewhere
// (sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html).
#pragma once

#include <string>
#include <string_view>

#include "model/fd.h"
#include "process/elf_symbols.h"

namespace cw {

// Whether to look for them at all: CONTENTIONWATCH_DEBUG_FILES=none says no.
bool debug_files_wanted();

// Where a process's file lies, as the process sees it.
struct FilePlace {
  int root = -1;               // its root directory; see open_regular_in_root()
  std::string_view directory;  // of the file, absolute, without the last slash
};

// The debug file of an ELF file, empty when there is none:
//   below the process's root   /usr/lib/debug/.build-id/ab/cdef.debug
//                              DIRECTORY/LINK, DIRECTORY/.debug/LINK, /usr/lib/debug/DIRECTORY/LINK
//   below ours                 /usr/lib/debug/.build-id/ab/cdef.debug
// Found by build-id it must have that build-id, by .gnu_debuglink the checksum stated there. A name
// proves nothing, so outside of the process's own file system only the build-id counts. What dwz
// moved into a file shared by several is found likewise, by build-id in either root.
DebugFile find_debug_file(const ElfContents& of, const FilePlace& place);

// Whether an ELF file says that it has that build-id.
bool has_build_id(int file, std::string_view build_id);

}  // namespace cw
