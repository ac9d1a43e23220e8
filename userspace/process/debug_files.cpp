#include "process/debug_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "process/elf_file.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::uint64_t kMaxChecked = std::uint64_t{1} << 30;  // bytes of a file by its checksum

std::string path_by_build_id(std::string_view build_id) {
  if (build_id.size() < 2) return {};
  std::string hex;
  for (const char byte : build_id) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("/usr/lib/debug/.build-id/{}/{}.debug", hex.substr(0, 2), hex.substr(2));
}

Fd open_with_build_id(int root, const std::string& path, std::string_view build_id) {
  if (root < 0 || path.empty() || build_id.empty()) return {};
  Fd file = open_regular_in_root(root, path.c_str());
  return file && has_build_id(file.get(), build_id) ? std::move(file) : Fd();
}

Fd open_by_build_id(int root, std::string_view build_id) {
  return open_with_build_id(root, path_by_build_id(build_id), build_id);
}

Fd our_root() {
  return Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::optional<std::uint32_t> checksum_of(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0 || static_cast<std::uint64_t>(status.st_size) > kMaxChecked)
    return std::nullopt;
  std::vector<char> buffer(std::size_t{1} << 20);
  uLong sum = ::crc32(0, nullptr, 0);
  for (std::uint64_t at = 0; at < kMaxChecked;) {
    const std::size_t got = read_at(file, at, buffer);
    if (got == 0) break;
    sum = ::crc32_z(sum, reinterpret_cast<const Bytef*>(buffer.data()), got);
    at += got;
  }
  return static_cast<std::uint32_t>(sum);
}

Fd open_by_link(const ElfContents& of, const FilePlace& place) {
  if (of.debug_link.empty() || of.debug_link.contains('/')) return {};
  const std::array paths = {fmt::format("{}/{}", place.directory, of.debug_link),
                            fmt::format("{}/.debug/{}", place.directory, of.debug_link),
                            fmt::format("/usr/lib/debug{}/{}", place.directory, of.debug_link)};
  for (const std::string& path : paths) {
    Fd file = open_regular_in_root(place.root, path.c_str());
    if (file && checksum_of(file.get()) == of.debug_link_checksum) return file;
  }
  return {};
}

Fd find_alternate(int debug_file, int root) {
  const auto elf = open_elf(debug_file);
  if (!elf) return {};
  // "/usr/lib/debug/.dwz/x86_64-linux-gnu/redis.debug\0" and the build-id.
  const auto link = section_content(elf->get(), ".gnu_debugaltlink", kMaxSmallSection);
  const auto end = link.find('\0');
  if (end == std::string_view::npos) return {};
  const std::string_view build_id = link.substr(end + 1);
  const std::string_view name = link.substr(0, end);
  const auto folder = name.find(".dwz/");
  const std::string by_name =
      folder == std::string_view::npos ? "" : fmt::format("/usr/lib/debug/{}", name.substr(folder));
  const Fd ours = our_root();
  for (const int where : {root, ours.get()}) {
    for (const std::string& path : {path_by_build_id(build_id), by_name}) {
      if (Fd file = open_with_build_id(where, path, build_id)) return file;
    }
  }
  return {};
}

}  // namespace

bool debug_files_wanted() {
  const char* wish = std::getenv("CONTENTIONWATCH_DEBUG_FILES");
  return wish == nullptr || std::string_view(wish) != "none";
}

bool has_build_id(int file, std::string_view build_id) {
  const auto elf = open_elf(file);
  return elf && build_id_of(elf->get()) == build_id;
}

DebugFile find_debug_file(const ElfContents& of, const FilePlace& place) {
  DebugFile found;
  found.file = open_by_build_id(place.root, of.build_id);
  if (!found.file && place.root >= 0) found.file = open_by_link(of, place);
  if (!found.file) found.file = open_by_build_id(our_root().get(), of.build_id);
  if (found.file) found.alternate = find_alternate(found.file.get(), place.root);
  return found;
}

}  // namespace cw
