// Reading small files below /proc, bounded and without iostreams: with 10,000 threads every
// allocation counts.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/fd.h"

namespace cw {

// /proc/PID as a directory. Everything opened relative to it belongs to that very process: once it
// has ended, opening fails (ESRCH), even when its number has been given to another process.
Fd open_process(std::int32_t pid);

// /proc/PID/task of such a directory: with many threads, opening relative to it is cheaper.
Fd open_tasks(const Fd& process);
inline constexpr std::size_t kMaxTasks = 1 << 20;  // well above the kernel's pid_max in use

// What one read of a file below /proc gives, which is all of it for files of one record; empty when
// it cannot be read. The view points into `buffer`.
std::string_view read_small(int directory, const char* path, std::span<char> buffer);

// A whole file, cut off after `limit` bytes; empty when it cannot be read.
std::string read_whole(int directory, const char* path, std::size_t limit);

// The target of a symbolic link; empty when it cannot be read.
std::string read_link(int directory, const char* path);

// What the kernel writes behind the name of a file that is gone.
inline constexpr std::string_view kDeleted = " (deleted)";

// The entries of a directory that are numbers, in the kernel's order, at most `limit`.
std::vector<std::int32_t> numbers_in(int directory, const char* path, std::size_t limit);

// Opens for reading, regular files only: a FIFO would block and a device may act on being opened,
// so the kind is checked on an O_PATH descriptor first. Follows magic links such as
// /proc/PID/map_files/*.
Fd open_regular(int directory, const char* path);

// The same, for a path the observed process chose: symbolic links in it are resolved below `root`
// (a directory descriptor), so that they cannot lead out of the process's own file system. Whether
// the path's last part may be one, too, is up to the caller.
enum class LastLink { kFollow, kRefuse };
Fd open_regular_in_root(int root, const char* path, LastLink last = LastLink::kFollow);

// Bytes read at `offset`, fewer at the end of the file; 0 on errors.
std::size_t read_at(int file, std::uint64_t offset, std::span<char> buffer);

}  // namespace cw
