#include "process/mapped_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <utility>

#include "process/proc_files.h"

namespace cw {
namespace {

bool is_inode(const Fd& file, std::uint64_t inode) {
  struct stat status{};
  return file && ::fstat(file.get(), &status) == 0 && status.st_ino == inode;
}

}  // namespace

Fd open_mapped_file(int process, const Mapping& mapping) {
  if (!mapping.of_file()) return {};
  std::array<char, 64> name{};
  static_cast<void>(std::snprintf(name.data(), name.size(), "map_files/%llx-%llx",
                                  static_cast<unsigned long long>(mapping.start),
                                  static_cast<unsigned long long>(mapping.end)));
  Fd file = open_regular(process, name.data());
  if (file) return file;

  const Fd root(::openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root) file = open_regular_in_root(root.get(), path_in_root(process, mapping).c_str());
  if (is_inode(file, mapping.inode)) return file;
  file = open_regular(process, "exe");
  return is_inode(file, mapping.inode) ? std::move(file) : Fd();
}

std::string path_in_root(int process, const Mapping& mapping) {
  const std::string root = read_link(process, "root");
  const bool below = root.size() > 1 && mapping.path.starts_with(root) &&
                     mapping.path.size() > root.size() && mapping.path[root.size()] == '/';
  return below ? mapping.path.substr(root.size()) : mapping.path;
}

}  // namespace cw
