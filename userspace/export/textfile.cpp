#include "export/textfile.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "model/fd.h"

namespace cw {
namespace {

constexpr mode_t kReadableByAll = 0644;  // the collector is another user

std::unexpected<Error> cannot_write(const std::string& file, int error) {
  return fail(Exit::kFailed, fmt::format("cannot write to {}: {}", file, std::strerror(error)));
}

std::string temporary_of(const std::string& file) {
  return fmt::format("{}.{}.tmp", file, getpid());
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Never through a link that somebody has laid there, nor into a file of somebody.
Result<Fd> make_temporary(const std::string& file) {
  const std::string temporary = temporary_of(file);
  static_cast<void>(unlink(temporary.c_str()));  // of an observer that was killed
  Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
             kReadableByAll));
  if (!fd) return cannot_write(file, errno);
  static_cast<void>(fchmod(fd.get(), kReadableByAll));  // whatever the umask
  return fd;
}

}  // namespace

Result<void> replace_file(const std::string& file, std::string_view text) {
  auto fd = make_temporary(file);
  if (!fd) return std::unexpected(fd.error());
  const std::string temporary = temporary_of(file);
  if (write_all(fd->get(), text) && std::rename(temporary.c_str(), file.c_str()) == 0) return {};
  const int error = errno;
  static_cast<void>(unlink(temporary.c_str()));
  return cannot_write(file, error);
}

Result<void> check_replaceable(const std::string& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return fail(Exit::kFailed,
                fmt::format("cannot write to {}: not a file that can be replaced", file));
  auto fd = make_temporary(file);
  if (!fd) return std::unexpected(fd.error());
  static_cast<void>(unlink(temporary_of(file).c_str()));
  return {};
}

}  // namespace cw
