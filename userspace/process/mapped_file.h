// Opening the file behind a mapping of another process: the very file it mapped, not what now has
// its name.
#pragma once

#include <string>

#include "model/fd.h"
#include "process/maps.h"

namespace cw {

// `process`: see open_process(). By /proc/PID/map_files, which also reaches deleted and replaced
// files and other mount namespaces but needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN; else by the
// path below /proc/PID/root or, for the program itself, by /proc/PID/exe, provided that the inode
// is the mapped one. Regular files only.
Fd open_mapped_file(int process, const Mapping& mapping);

// The mapping's path below the process's root: maps show paths from the reader's own root, so those
// of a process in a chroot begin with the path of its root.
std::string path_in_root(int process, const Mapping& mapping);

}  // namespace cw
