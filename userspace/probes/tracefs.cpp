#include "probes/tracefs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "probes/lockdown.h"

namespace cw {
namespace {

// glibc wraps these from 2.36 on, but its <sys/mount.h> collides with <linux/mount.h>.
Fd detached_mount(const char* type) {
  // There tracefs holds nothing, and Linux 6.12 crashes when such a one is unmounted.
  if (is_confidential()) {
    errno = EPERM;
    return {};
  }
  const Fd context(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!context) return {};
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return {};
  Fd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  return mount;
}

}  // namespace

Result<Tracefs> Tracefs::open() {
  Fd root = detached_mount("tracefs");
  if (!root) {
    const int reason = errno;
    root = Fd(::open("/sys/kernel/tracing", O_PATH | O_DIRECTORY | O_CLOEXEC));
    // By our effective rights: an ordinary user may have been given capabilities.
    if (!root || faccessat(root.get(), "events/syscalls", R_OK, AT_EACCESS) != 0) {
      auto failure =
          fail(Exit::kNotAllowed,
               fmt::format("tracefs cannot be opened ({}): run as root, or mount it with "
                           "'mount -t tracefs tracefs /sys/kernel/tracing'",
                           std::strerror(reason)));
      errno = reason;
      return failure;
    }
  }
  return Tracefs(std::move(root));
}

std::optional<std::uint64_t> Tracefs::event_id(const std::string& event) const {
  const Fd file(openat(root_.get(), ("events/" + event + "/id").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 32> text{};
  const ssize_t length = file ? read(file.get(), text.data(), text.size()) : -1;
  std::uint64_t id = 0;
  if (length <= 0 || std::from_chars(text.data(), text.data() + length, id).ec != std::errc())
    return {};
  return id;
}

}  // namespace cw
