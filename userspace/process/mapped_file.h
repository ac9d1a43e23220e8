// Opening the file behind a mapping of another process: the very file it mapped, not what now has
// its name.
#pragma once

#include "model/fd.h"
#include "process/maps.h"

namespace cw {

// `process`: see open_process(). By /proc/PID/map_files, which also reaches deleted and replaced
// files and other mount namespaces but needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN; else by the
// path below /proc/PID/root or, for the program itself, by /proc/PID/exe, provided that the inode
// is the mapped one. Regular files only.
Fd open_mapped_file(int process, const Mapping& mapping);

}  // namespace cw
