#include "process/maps.h"

#include <algorithm>
#include <optional>

#include "process/proc_files.h"
#include "process/text_parse.h"

namespace cw {
namespace {

template <typename Number>
bool take_hex(std::string_view& text, char separator, Number& value) {
  const auto number = number_of<Number>(take_word(text, separator), 16);
  if (number) value = *number;
  return number.has_value();
}

bool set_permissions(std::string_view word, Mapping& mapping) {
  if (word.size() != 4) return false;
  mapping.readable = word[0] == 'r';
  mapping.writable = word[1] == 'w';
  mapping.executable = word[2] == 'x';
  mapping.shared = word[3] == 's';
  return true;
}

// "start-end perms offset major:minor inode      path"
std::optional<Mapping> parse_line(std::string_view line) {
  Mapping mapping;
  if (!take_hex(line, '-', mapping.start) || !take_hex(line, ' ', mapping.end)) return std::nullopt;
  if (mapping.start >= mapping.end || !set_permissions(take_word(line), mapping))
    return std::nullopt;
  if (!take_hex(line, ' ', mapping.offset) || !take_hex(line, ':', mapping.device_major) ||
      !take_hex(line, ' ', mapping.device_minor))
    return std::nullopt;
  const auto inode = number_of<std::uint64_t>(take_word(line));
  if (!inode) return std::nullopt;
  mapping.inode = *inode;
  const auto path = line.find_first_not_of(' ');
  if (path == std::string_view::npos) return mapping;
  line.remove_prefix(path);
  if (line.ends_with(kDeleted)) {
    mapping.deleted = true;
    line.remove_suffix(kDeleted.size());
  }
  mapping.path = line;
  return mapping;
}

bool starts_before(const Mapping& left, const Mapping& right) {
  return left.start < right.start;
}

}  // namespace

bool Mapping::same_file(const Mapping& other) const {
  return of_file() && inode == other.inode && device_major == other.device_major &&
         device_minor == other.device_minor;
}

MemoryMap MemoryMap::parse(std::string_view text) {
  MemoryMap map;
  while (!text.empty() && map.mappings_.size() < kMaxMappings) {
    if (auto mapping = parse_line(take_line(text))) map.mappings_.push_back(*std::move(mapping));
  }
  // The kernel lists them in order; a process that maps while we read may show one twice.
  std::ranges::sort(map.mappings_, starts_before);
  std::uint64_t end = 0;
  std::erase_if(map.mappings_, [&end](const Mapping& mapping) {
    if (mapping.start < end) return true;
    end = mapping.end;
    return false;
  });
  return map;
}

MemoryMap MemoryMap::read(int process) {
  return parse(read_whole(process, "maps", kMaxText));
}

const Mapping* MemoryMap::find(std::uint64_t address) const {
  const auto next = std::ranges::upper_bound(mappings_, address, {}, &Mapping::start);
  if (next == mappings_.begin()) return nullptr;
  const Mapping& mapping = *std::prev(next);
  return address < mapping.end ? &mapping : nullptr;
}

const Mapping* MemoryMap::before(const Mapping& mapping) const {
  const auto here = std::ranges::lower_bound(mappings_, mapping.start, {}, &Mapping::start);
  return here == mappings_.begin() ? nullptr : &*std::prev(here);
}

std::size_t MemoryMap::code_mappings() const {
  return static_cast<std::size_t>(std::ranges::count_if(mappings_, [](const Mapping& mapping) {
    return mapping.executable && mapping.of_file() && !mapping.past;
  }));
}

void MemoryMap::keep_past(const MemoryMap& earlier) {
  std::vector<Mapping> kept;
  for (const Mapping& old : earlier.mappings_) {
    if (kept.size() >= kMaxPast) break;
    if (!old.executable || !old.of_file()) continue;
    const auto next = std::ranges::lower_bound(mappings_, old.end, {}, &Mapping::start);
    if (next != mappings_.begin() && std::prev(next)->end > old.start) continue;
    kept.push_back(old);
    kept.back().past = true;
  }
  mappings_.insert(mappings_.end(), kept.begin(), kept.end());
  std::ranges::sort(mappings_, starts_before);
}

}  // namespace cw
