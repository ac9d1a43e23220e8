// Collects the unwind rows of functions, in whatever order they come, into the table of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/alloc_site.h"
#include "model/unwind.h"

namespace cw {

inline constexpr std::int32_t kStackWord = 8;  // bytes of a return address or saved register

class UnwindRows {
 public:
  UnwindRows() { number_of({}); }

  // Code at the virtual addresses [start, end), start < end; without rows it counts for nothing.
  void begin(std::uint64_t start, std::uint64_t end);
  // How to step out of the code begun last, from `pc` on; ascending.
  void add(std::uint64_t pc, const UnwindRule& rule);
  // Something that was damaged or not understood.
  void leave_out() { table_.not_understood++; }

  // What has rows so far, by address.
  [[nodiscard]] std::vector<AddressRange> covered() const;
  // Of two pieces of code that overlap, the one that begins first holds. Between them is nothing.
  UnwindTable build() &&;

 private:
  struct Row {
    std::uint64_t pc;
    std::uint16_t rule;
  };
  struct Block {
    std::uint64_t start;
    std::uint64_t end;
    std::size_t first;
    std::size_t count;
  };
  struct RuleHash {
    std::size_t operator()(const UnwindRule& rule) const;
  };

  std::uint16_t number_of(const UnwindRule& rule);
  void put(std::uint64_t pc, std::uint16_t rule);

  std::unordered_map<UnwindRule, std::uint16_t, RuleHash> known_;
  std::vector<Row> rows_;
  std::vector<Block> blocks_;
  UnwindTable table_;
};

}  // namespace cw
