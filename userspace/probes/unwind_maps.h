// The unwind tables and code spaces inside the kernel: bpf/unwind_maps.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "model/error.h"
#include "model/fd.h"
#include "model/unwind.h"

namespace cw {

class UnwindMaps {
 public:
  // The maps' descriptors; they stay the caller's.
  struct Fds {
    int tables = -1;
    int spaces = -1;
    int rules = -1;
    int space_of = -1;
    int unknown_code = -1;
    unsigned long long* epoch = nullptr;  // what the kernel side remembers of spaces belongs to one
  };
  explicit UnwindMaps(Fds maps);

  // A table in use by nobody yet, unpublished; its number, never 0. Fails when there is no room, or
  // no right to make a map (CAP_BPF).
  Result<std::uint32_t> add_table(const UnwindTable& table);
  void drop_table(std::uint32_t number);
  // `ranges`: ascending, not overlapping. Those that do not fit are left out.
  Result<std::uint32_t> add_space(std::span<const CodeRange> ranges);
  void drop_space(std::uint32_t number);
  // After each change to maps in maps the kernel waits for the programs that run
  // (maybe_wait_bpf_programs, kernel/bpf/syscall.c), so they are made together.
  // What was added is found by the kernel side from now on; how many did not get in.
  std::size_t publish();
  // What was dropped is not, and its numbers may be used again. Between dropping and this nothing
  // may be added.
  void remove_dropped();
  // From now on stacks of the process are walked by it, which was published; 0: by frame pointers.
  void assign_space(std::int32_t pid, std::uint32_t space) const;

  // Processes that ran code of which they have no range, since this was last asked.
  std::vector<std::int32_t> take_unknown() const;
  // Of kernel memory, all tables and spaces together.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::uint16_t rule_number(const UnwindRule& rule);
  Result<std::uint32_t> put(int outer, Fd pages, std::size_t bytes, std::uint32_t limit,
                            std::map<std::uint32_t, std::size_t>& sizes);
  void drop(int outer, std::uint32_t number, std::map<std::uint32_t, std::size_t>& sizes);

  // Not done yet.
  struct Addition {
    int outer = -1;
    std::uint32_t number = 0;
    Fd pages;
  };
  struct Removal {
    int outer = -1;
    std::uint32_t number = 0;
  };

  Fds maps_;
  std::vector<Addition> additions_;
  std::size_t refused_ = 0;  // of those published meanwhile
  std::vector<Removal> removals_;
  std::map<UnwindRule, std::uint16_t> rules_;
  std::map<std::uint32_t, std::size_t> table_sizes_;  // bytes, by number
  std::map<std::uint32_t, std::size_t> space_sizes_;
  std::uint32_t last_number_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace cw
