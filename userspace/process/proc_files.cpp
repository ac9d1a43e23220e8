#include "process/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>

#include "process/text_parse.h"

namespace cw {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::size_t read_until_full(int file, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::read(file, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

// Opens what an O_PATH descriptor stands for, once that is known to be a regular file.
Fd reopen_regular(const Fd& path) {
  struct stat status{};
  if (!path || ::fstat(path.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::array<char, 32> link{};
  static_cast<void>(std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", path.get()));
  return Fd(::open(link.data(), kReadFlags));
}

}  // namespace

Fd open_process(std::int32_t pid) {
  std::array<char, 32> path{};
  static_cast<void>(std::snprintf(path.data(), path.size(), "/proc/%d", pid));
  return Fd(::open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Fd open_tasks(const Fd& process) {
  if (!process) return {};
  return Fd(::openat(process.get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string_view read_small(int directory, const char* path, std::span<char> buffer) {
  const Fd file(::openat(directory, path, kReadFlags));
  if (!file) return {};
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::string read_whole(int directory, const char* path, std::size_t limit) {
  const Fd file(::openat(directory, path, kReadFlags));
  std::string text;
  if (!file) return text;
  constexpr std::size_t kChunk = std::size_t{64} << 10;
  while (text.size() < limit) {
    const std::size_t before = text.size();
    const std::size_t want = std::min(kChunk, limit - before);
    text.resize(before + want);
    const std::size_t got = read_until_full(file.get(), {text.data() + before, want});
    text.resize(before + got);
    if (got < want) break;
  }
  return text;
}

std::string read_link(int directory, const char* path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(directory, path, target.data(), target.size());
  return length <= 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

std::vector<std::int32_t> numbers_in(int directory, const char* path, std::size_t limit) {
  std::vector<std::int32_t> numbers;
  Fd opened(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return numbers;
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(opened.get()), close);
  if (!stream) return numbers;
  static_cast<void>(opened.release());  // the stream closes it
  while (numbers.size() < limit) {
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (const auto number = number_of<std::int32_t>(entry->d_name)) numbers.push_back(*number);
  }
  return numbers;
}

Fd open_regular(int directory, const char* path) {
  return reopen_regular(Fd(::openat(directory, path, O_PATH | O_CLOEXEC)));
}

Fd open_regular_in_root(int root, const char* path, LastLink last) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  if (last == LastLink::kRefuse) how.flags |= O_NOFOLLOW;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return reopen_regular(Fd(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how))));
}

std::size_t read_at(int file, std::uint64_t offset, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::uint64_t position = offset + filled;
    if (position < offset || position > static_cast<std::uint64_t>(LLONG_MAX)) break;
    const ssize_t got =
        ::pread(file, buffer.data() + filled, buffer.size() - filled, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

}  // namespace cw
