#include "app/unwinding.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "process/proc_files.h"

namespace cw {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestCall = 250ms;        // once a first process was looked at
constexpr auto kLookAgainAtGenerated = 1s;  // code that is made as the process goes
constexpr std::uint32_t kNoDevice = std::numeric_limits<std::uint32_t>::max();  // of no file
constexpr auto kLookAgain = 10s;  // code that came in the place of other code goes unreported

// Ranges without a table that touch become one: a JIT maps its code in many pieces.
void append(std::vector<CodeRange>& ranges, const CodeRange& range) {
  if (!ranges.empty() && range.table == 0 && ranges.back().table == 0 &&
      ranges.back().end == range.start)
    ranges.back().end = range.end;
  else
    ranges.push_back(range);
}

}  // namespace

void Unwinding::add(const UnwindTable& rows, Table& table) {
  const bool fits = maps_->bytes() + rows.bytes() <= kMaxBytes;
  if (const auto number = fits ? maps_->add_table(rows) : Result<std::uint32_t>(0); number)
    table.number = *number;
  if (table.number == 0) refused_++;
}

// The table of the mapping's file, made if there is none yet.
Unwinding::Table& Unwinding::table_of(int directory, const MemoryMap& map, const Mapping& mapping,
                                      const FileId& id) {
  const auto [place, is_new] = tables_.try_emplace(id);
  Table& table = place->second;
  if (!is_new) return table;
  const auto file = files_->of(directory, map, mapping);
  if (!file || file->table.pc.empty()) return table;
  table.segments = file->segments;
  table.base = file->table.base;
  add(file->table, table);
  return table;
}

std::optional<CodeRange> Unwinding::range_of(int directory, const MemoryMap& map,
                                             const Mapping& mapping, std::vector<FileId>& files) {
  if (!mapping.executable || mapping.path == "[vsyscall]") return {};
  CodeRange range{.start = mapping.start, .end = mapping.end, .bias = 0, .table = 0};
  if (!mapping.of_file() && mapping.path != "[vdso]") return range;
  const FileId id = UnwindFiles::id_of(mapping);
  const Table& table = table_of(directory, map, mapping, id);
  const auto bias = code_bias(table.segments, mapping.start, mapping.offset);
  if (table.number == 0 || !bias) return range;
  range.table = table.number;
  range.bias = *bias + table.base;
  files.push_back(id);
  return range;
}

std::map<Unwinding::Ranges, Unwinding::Space>::iterator Unwinding::space_for(
    Ranges ranges, std::vector<FileId> files) {
  const auto [place, is_new] = spaces_.try_emplace(std::move(ranges));
  Space& space = place->second;
  if (is_new) {
    if (const auto number = maps_->add_space(place->first)) space.number = *number;
    space.files = std::move(files);
    for (const FileId& file : space.files) tables_.at(file).users++;
  }
  space.users++;
  return place;
}

void Unwinding::let_go(std::map<Ranges, Space>::iterator space) {
  if (--space->second.users != 0) return;
  maps_->drop_space(space->second.number);
  for (const FileId& file : space->second.files) tables_.at(file).users--;
  spaces_.erase(space);
}

// Java's compiled methods and its interpreter lie in a few mappings of no file; a table of all is
// made anew when there are others.
void Unwinding::add_generated(const KnownProcess& process, int directory, const MemoryMap& map,
                              Ranges& ranges, std::vector<FileId>& files) {
  const auto [place, is_new] = generated_.try_emplace(process.pid);
  Generated& generated = place->second;
  if (is_new || generated.generation != process.generation) {
    generated = Generated();
    generated.generation = process.generation;
  }
  const HotspotCode* const java = generated.java.in(directory, map);
  if (java == nullptr) return;
  auto pieces = java->pieces();
  generated.changed = pieces != generated.pieces;
  if (generated.changed)
    generated.pause = kLookAgainAtGenerated;
  else if (generated.ran_unknown)
    generated.pause = std::min(2 * generated.pause, std::chrono::seconds(kLookAgain));
  generated.ran_unknown = false;
  if (generated.changed || !tables_.contains(generated.table)) {
    generated.pieces = std::move(pieces);
    generated.table = {kNoDevice, kNoDevice, ++generated_tables_};
    const UnwindTable rows = unwind_table(generated.pieces);
    Table& table = tables_[generated.table];
    table.base = rows.base;
    if (!rows.pc.empty()) add(rows, table);
  }
  const Table& table = tables_.at(generated.table);
  if (table.number == 0 || generated.pieces.empty()) return;
  for (CodeRange& range : ranges) {
    if (range.table != 0 || range.end <= table.base || range.start >= generated.pieces.back().end)
      continue;
    range.table = table.number;
    range.bias = table.base;
    range.generated = true;
  }
  files.push_back(generated.table);
}

void Unwinding::look_at(const KnownProcess& process, std::uint64_t ran) {
  const Fd directory = open_process(process.pid);
  const MemoryMap map = directory ? MemoryMap::read(directory.get()) : MemoryMap();
  Ranges ranges;
  std::vector<FileId> files;
  for (const Mapping& mapping : map.mappings())
    if (const auto range = range_of(directory.get(), map, mapping, files)) append(ranges, *range);
  add_generated(process, directory.get(), map, ranges, files);
  const auto space = space_for(std::move(ranges), std::move(files));
  const auto [place, is_new] = processes_.try_emplace(process.pid);
  if (!is_new) left_.push_back(place->second.space);
  looked_at_.push_back(process.pid);
  place->second = {.generation = process.generation,
                   .space = space,
                   .looked = Clock::now(),
                   .ran = ran,
                   .seen = true};
}

// What the kernel side finds its way by is exchanged at once: at no time is there neither the old
// nor the new.
void Unwinding::use_new_spaces() {
  refused_ += maps_->publish();
  for (const std::int32_t pid : std::exchange(looked_at_, {}))
    maps_->assign_space(pid, processes_.at(pid).space->second.number);
}

// A file's table goes with the last process that maps it: the number of its inode may then be
// another file's.
void Unwinding::drop_unused_tables() {
  std::erase_if(tables_, [&](const auto& entry) {
    if (entry.second.users != 0) return false;
    maps_->drop_table(entry.second.number);
    return true;
  });
}

// How long after the last look the next one is due.
std::chrono::seconds Unwinding::pause_of(std::int32_t pid, bool ran_unknown) {
  const auto found = generated_.find(pid);
  if (found == generated_.end() || found->second.java.found() == nullptr)
    return ran_unknown ? 0s : kLookAgain;
  Generated& generated = found->second;
  generated.ran_unknown = generated.ran_unknown || ran_unknown;
  return generated.changed || generated.ran_unknown ? generated.pause : kLookAgain;
}

void Unwinding::refresh(const std::vector<KnownProcess>& processes, const Activity& activity) {
  const auto begin = Clock::now();
  const auto reported = maps_->take_unknown();
  const std::set<std::int32_t> unknown(reported.begin(), reported.end());
  for (auto& [pid, process] : processes_) process.seen = false;
  for (const KnownProcess& process : processes) {
    const std::uint64_t ran = activity.ran(process.pid);
    const auto known = processes_.find(process.pid);
    if (known != processes_.end()) {
      known->second.seen = true;
      const bool same = known->second.generation == process.generation && ran != 0;
      const bool ran_unknown = unknown.contains(process.pid);
      const auto pause = pause_of(process.pid, ran_unknown);
      const bool rested = known->second.ran == ran && !ran_unknown;
      if (same && (rested || begin - known->second.looked < pause)) continue;
    }
    if (Clock::now() - begin < kLongestCall) look_at(process, ran);
  }
  use_new_spaces();
  std::erase_if(processes_, [&](const auto& entry) {
    if (entry.second.seen) return false;
    left_.push_back(entry.second.space);
    generated_.erase(entry.first);
    return true;
  });
  for (const auto space : std::exchange(left_, {})) let_go(space);
  drop_unused_tables();
  maps_->remove_dropped();
}

}  // namespace cw
