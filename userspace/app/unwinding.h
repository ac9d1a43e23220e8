// Tells the kernel side how to unwind the code of the watched processes: a table for each file,
// shared by all that map it, and the places where each process has mapped what.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "app/activity.h"
#include "model/unwind.h"
#include "probes/lock_probes.h"
#include "process/hotspot_code.h"
#include "process/maps.h"
#include "process/unwind_files.h"

namespace cw {

class Unwinding {
 public:
  // Of kernel memory; beyond it files get no table, and frame pointers are followed in them.
  static constexpr std::size_t kMaxBytes = std::size_t{128} << 20;

  // `maps` and `files` must outlive this.
  Unwinding(UnwindMaps& maps, UnwindFiles& files) : maps_(&maps), files_(&files) {}

  // Looks at processes that are new, that ran code not known of, or that ran and were not looked at
  // for long. Of many, the rest is left for the next call. In use until the process is no longer
  // among `processes`.
  void refresh(const std::vector<KnownProcess>& processes, const Activity& activity);

  [[nodiscard]] std::size_t bytes() const { return maps_->bytes(); }
  // Files whose code is walked by frame pointers, since there is no room for their tables.
  [[nodiscard]] std::size_t refused() const { return refused_; }

 private:
  using Clock = std::chrono::steady_clock;
  using FileId = UnwindFiles::FileId;

  using Ranges = std::vector<CodeRange>;
  struct Table {
    std::vector<CodeSegment> segments;
    std::uint64_t base = 0;
    std::uint32_t number = 0;  // 0: none
    std::size_t users = 0;     // spaces
  };
  struct Space {
    std::uint32_t number = 0;
    std::vector<FileId> files;
    std::size_t users = 0;  // processes
  };
  struct Process {
    std::uint32_t generation = 0;
    std::map<Ranges, Space>::iterator space;
    Clock::time_point looked;
    std::uint64_t ran = 0;  // when looked at; see Activity::Process
    bool seen = false;
  };
  // Code that a process makes as it goes, as it was when last looked at.
  struct Generated {
    std::uint32_t generation = 0;
    HotspotSearch java;
    std::vector<HotspotCode::Piece> pieces;
    FileId table;
    bool changed = false;      // since the look before
    bool ran_unknown = false;  // since the last look
    // Until the next look after either; longer once what it ran stays unknown.
    std::chrono::seconds pause{1};
  };

  void look_at(const KnownProcess& process, std::uint64_t ran);
  std::optional<CodeRange> range_of(int directory, const MemoryMap& map, const Mapping& mapping,
                                    std::vector<FileId>& files);
  void add_generated(const KnownProcess& process, int directory, const MemoryMap& map,
                     Ranges& ranges, std::vector<FileId>& files);
  // Leaves the table without a number where there is no room.
  void add(const UnwindTable& rows, Table& table);
  Table& table_of(int directory, const MemoryMap& map, const Mapping& mapping, const FileId& id);
  std::map<Ranges, Space>::iterator space_for(Ranges ranges, std::vector<FileId> files);
  void use_new_spaces();
  void let_go(std::map<Ranges, Space>::iterator space);
  void drop_unused_tables();
  std::chrono::seconds pause_of(std::int32_t pid, bool ran_unknown);

  UnwindMaps* maps_;
  UnwindFiles* files_;
  std::map<FileId, Table> tables_;
  std::map<Ranges, Space> spaces_;
  std::map<std::int32_t, Process> processes_;
  std::map<std::int32_t, Generated> generated_;
  std::vector<std::int32_t> looked_at_;                  // since the kernel side was last told
  std::vector<std::map<Ranges, Space>::iterator> left_;  // by those, once each
  std::uint64_t generated_tables_ = 0;                   // made so far
  std::size_t refused_ = 0;
};

}  // namespace cw
