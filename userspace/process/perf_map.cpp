#include "process/perf_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "process/proc.h"
#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

// Its user as we see it; nobody when that cannot be told.
uid_t user_of(int process) {
  const std::string status = read_whole(process, "status", std::size_t{16} << 10);
  std::string_view text = status;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with("Uid:\t")) continue;
    line.remove_prefix(5);
    static_cast<void>(take_word(line, '\t'));  // the real one; then the effective
    return number_of<uid_t>(take_word(line, '\t')).value_or(-1);
  }
  return static_cast<uid_t>(-1);
}

Fd open_map(int process, std::int32_t pid) {
  const auto ids = namespace_ids_of(pid, pid);
  const Fd root(::openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (ids.empty() || !root) return {};
  const std::string path = fmt::format("/tmp/perf-{}.map", ids.back());
  // Anybody may make a link in /tmp, to a file that is root's.
  Fd file = open_regular_in_root(root.get(), path.c_str(), LastLink::kRefuse);
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return {};
  const bool trusted = status.st_uid == 0 || status.st_uid == user_of(process);
  return trusted ? std::move(file) : Fd();
}

// Takes ":123" off the end of `text`.
std::optional<std::uint32_t> take_number_off(std::string_view& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto number = number_of<std::uint32_t>(text.substr(colon + 1));
  if (number) text.remove_suffix(text.size() - colon);
  return number;
}

}  // namespace

std::optional<PerfMap::Function> PerfMap::at(std::uint64_t address) const {
  auto next = functions_.upper_bound(address);
  if (next == functions_.begin()) return std::nullopt;
  const auto& [start, code] = *std::prev(next);
  if (address >= code.end) return std::nullopt;
  return Function{.name = code.name, .offset = address - code.function_start};
}

void PerfMap::clear() {
  functions_.clear();
  read_ = 0;
}

void PerfMap::refresh(int process, std::int32_t pid) {
  const Fd file = open_map(process, pid);
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return;  // what it said before may still be true
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (status.st_dev != device_ || status.st_ino != inode_ || size < read_) clear();
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if (size - read_ > kMaxBytes) read_ = size - kMaxBytes;
  std::string lines(std::size_t{1} << 20, '\0');
  while (read_ < size) {
    const std::size_t wanted = std::min<std::uint64_t>(lines.size(), size - read_);
    const std::size_t got = read_at(file.get(), read_, {lines.data(), wanted});
    const std::size_t used = add({lines.data(), got});
    if (used == 0) {
      if (got < lines.size()) break;
      read_ += got;  // a line longer than any name: skip it
      continue;
    }
    read_ += used;
  }
}

std::size_t PerfMap::add(std::string_view lines) {
  const auto end = lines.rfind('\n');
  if (end == std::string_view::npos) return 0;
  std::string_view text = lines.substr(0, end + 1);
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const auto start = number_of<std::uint64_t>(take_word(line), 16);
    const auto size = number_of<std::uint64_t>(take_word(line), 16);
    if (!start || !size || *size == 0 || *start + *size < *start || line.empty()) continue;
    add_function(*start, *start + *size, line.substr(0, kMaxName));
  }
  return end + 1;
}

void PerfMap::add_function(std::uint64_t start, std::uint64_t end, std::string_view name) {
  // What was written last is what runs.
  if (functions_.size() + 1 >= kMaxFunctions) functions_.clear();
  auto here = functions_.lower_bound(start);
  if (here != functions_.begin()) {
    auto& [before, code] = *std::prev(here);
    if (code.end > start) {
      // It reaches beyond the new one: what lies behind stays its.
      if (code.end > end) {
        Code rest = code;
        functions_.emplace(end, std::move(rest));
      }
      code.end = start;
    }
  }
  while (here != functions_.end() && here->first < end) {
    if (here->second.end > end) {
      auto node = functions_.extract(here);
      node.key() = end;
      functions_.insert(std::move(node));
      break;
    }
    here = functions_.erase(here);
  }
  functions_.insert_or_assign(start,
                              Code{.end = end, .function_start = start, .name = std::string(name)});
}

ScriptPlace script_place(std::string_view name) {
  ScriptPlace place{.function = name, .file = {}, .line = 0};
  const auto space = name.rfind(' ');
  if (space == std::string_view::npos) return place;
  std::string_view file = name.substr(space + 1);
  auto line = take_number_off(file);
  if (!line) return place;
  // The last number is the column where there are two.
  if (const auto before = take_number_off(file)) line = before;
  if (file.empty()) return place;
  return {.function = name.substr(0, space), .file = file, .line = *line};
}

}  // namespace cw
