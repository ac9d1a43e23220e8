// The unwind tables and code spaces inside the kernel: bpf/unwind_maps.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "model/error.h"
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

  // A table in use by nobody yet; its number, never 0. Fails when there is no room, or no right to
  // make a map (CAP_BPF).
  Result<std::uint32_t> add_table(const UnwindTable& table);
  void drop_table(std::uint32_t number);
  // `ranges`: ascending, not overlapping. Those that do not fit are left out.
  Result<std::uint32_t> add_space(std::span<const CodeRange> ranges);
  void drop_space(std::uint32_t number);
  // From now on stacks of the process are walked by it; 0: by frame pointers.
  void assign_space(std::int32_t pid, std::uint32_t space) const;

  // Processes that ran code of which they have no range, since this was last asked.
  std::vector<std::int32_t> take_unknown() const;
  // Of kernel memory, all tables and spaces together.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::uint16_t rule_number(const UnwindRule& rule);
  Result<std::uint32_t> put(int outer, int pages, std::size_t bytes, std::uint32_t limit,
                            std::map<std::uint32_t, std::size_t>& sizes);
  void drop(int outer, std::uint32_t number, std::map<std::uint32_t, std::size_t>& sizes);

  Fds maps_;
  std::map<UnwindRule, std::uint16_t> rules_;
  std::map<std::uint32_t, std::size_t> table_sizes_;  // bytes, by number
  std::map<std::uint32_t, std::size_t> space_sizes_;
  std::uint32_t last_number_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace cw
