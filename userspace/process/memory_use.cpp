#include "process/memory_use.h"

#include <fcntl.h>

#include <array>
#include <string_view>

#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

// "RssAnon:     1234 kB", in bytes.
std::optional<std::uint64_t> size_line(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    while (!line.empty() && line.front() == '\t') line.remove_prefix(1);
    const auto kilobytes = number_of<std::uint64_t>(take_word(line));
    return kilobytes ? std::optional(*kilobytes * 1024) : std::nullopt;
  }
  return std::nullopt;
}

bool read_stat(int process, MemoryUse& use) {
  std::array<char, 1024> buffer{};
  std::string_view text = read_small(process, "stat", buffer);
  const auto name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string_view::npos) return false;
  text.remove_prefix(name_end + 1);
  for (int field = 3; field <= 22; ++field) {
    const auto word = take_word(text);
    if (word.empty()) return false;
    const auto value = number_of<std::uint64_t>(word).value_or(0);
    if (field == 10) use.minor_faults = value;
    if (field == 12) use.major_faults = value;
    if (field == 22) use.start_ticks = value;
  }
  return true;
}

}  // namespace

std::optional<MemoryUse> memory_use_of(std::int32_t pid) {
  const Fd process = open_process(pid);
  MemoryUse use;
  if (!process || !read_stat(process.get(), use)) return std::nullopt;
  std::array<char, 8192> buffer{};
  const auto anonymous = size_line(read_small(process.get(), "status", buffer), "RssAnon:");
  if (!anonymous) return std::nullopt;  // a kernel thread, or a zombie
  use.rss_anon_bytes = *anonymous;
  return use;
}

std::optional<std::uint64_t> machine_headroom() {
  std::array<char, 4096> buffer{};
  return size_line(read_small(AT_FDCWD, "/proc/meminfo", buffer), "MemAvailable:");
}

}  // namespace cw
