// Unwind rows of Go code against the call frame information that its linker writes for debuggers.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "process/elf_file.h"
#include "process/elf_symbols.h"
#include "process/go_table.h"
#include "process/go_unwind.h"
#include "process/unwind_file.h"
#include "process_programs.h"

namespace cw {
namespace {

namespace fs = std::filesystem;
using test::kPrograms;
using test::open_file;

UnwindTable go_rows_of(const fs::path& path) {
  const Fd file = open_file(path);
  const auto elf = open_elf(file.get());
  const auto table = GoTable::of(elf->get());
  if (!table) return {};
  UnwindRows rows;
  add_go_rows(*table, rows);
  return std::move(rows).build();
}

// The section .debug_frame; it is not loaded, and stripped programs have none.
class DebugFrame {
 public:
  explicit DebugFrame(int file) : dwarf_(::dwarf_begin(file, DWARF_C_READ)) {}
  DebugFrame(const DebugFrame&) = delete;
  DebugFrame& operator=(const DebugFrame&) = delete;
  ~DebugFrame() { ::dwarf_end(dwarf_); }

  // What the CFA is above the stack pointer; empty where that is not told.
  [[nodiscard]] std::optional<std::int64_t> cfa_above_sp(std::uint64_t vaddr) const {
    Dwarf_Frame* frame = nullptr;
    if (::dwarf_cfi_addrframe(::dwarf_getcfi(dwarf_), vaddr, &frame) != 0) return std::nullopt;
    const std::unique_ptr<Dwarf_Frame, decltype(&::free)> owned(frame, ::free);
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (::dwarf_frame_cfa(frame, &operations, &count) != 0 || count != 1) return std::nullopt;
    if (operations->atom == DW_OP_breg7) return static_cast<std::int64_t>(operations->number);
    if (operations->atom == DW_OP_bregx && operations->number == 7)
      return static_cast<std::int64_t>(operations->number2);
    return std::nullopt;
  }

 private:
  Dwarf* dwarf_;
};

TEST(GoUnwind, RowsAreThoseOfItsDebugFrame) {
  const fs::path path = kPrograms / "ledger-go";
  const UnwindTable table = go_rows_of(path);
  const Fd file = open_file(path);
  const DebugFrame theirs(file.get());
  std::size_t compared = 0;
  std::size_t special = 0;
  for (std::size_t i = 0; i < table.pc.size(); ++i) {
    const std::uint64_t vaddr = table.base + table.pc[i];
    const UnwindRule& ours = table.rules[table.rule[i]];
    if (ours.cfa == UnwindRule::Cfa::kNone) continue;
    if (ours.cfa != UnwindRule::Cfa::kSp) {
      ++special;
      continue;
    }
    const auto offset = theirs.cfa_above_sp(vaddr);
    if (!offset) continue;
    ++compared;
    ASSERT_EQ(ours.cfa_offset, *offset) << fmt::format("{:#x}", vaddr);
  }
  EXPECT_GT(compared, 3000U);
  EXPECT_GE(compared * 100, table.pc.size() * 90);
  EXPECT_GE(special, 8U);
  EXPECT_LE(special, 10U);
  RecordProperty("rows", static_cast<int>(table.pc.size()));
  RecordProperty("rules", static_cast<int>(table.rules.size()));
}

// However it is linked; the system's linker adds C code, which has rows of its own.
class GoProgram : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Linked, GoProgram,
                         testing::Values("ledger-go", "ledger-go.stripped", "ledger-go.pie",
                                         "ledger-go.external"));

TEST_P(GoProgram, EveryFunctionCanBeLeft) {
  const Fd file = open_file(kPrograms / GetParam());
  const auto unwind = read_unwind_file(file.get());
  const auto elf = open_elf(file.get());
  const auto table = GoTable::of(elf->get());
  ASSERT_TRUE(unwind && table);
  std::size_t told = 0;
  for (std::size_t i = 0; i < table->functions(); ++i) {
    const auto function = table->function(i);
    ASSERT_TRUE(function);
    if (rule_at(unwind->table, function->start).cfa != UnwindRule::Cfa::kNone) ++told;
  }
  EXPECT_GE(told * 1000, table->functions() * 999);
}

TEST(GoUnwind, KnowsWhereStacksEndAndWhereTheyAreSwitched) {
  const Fd file = open_file(kPrograms / "ledger-go");
  const auto loaded = load_elf(file.get());
  const auto unwind = read_unwind_file(file.get());
  ASSERT_TRUE(loaded && unwind);
  const auto rule_of = [&](std::string_view name) {
    for (const ElfSymbol& symbol : loaded->image->contents().functions)
      if (loaded->image->name_of(symbol) == name) return rule_at(unwind->table, symbol.address).cfa;
    return UnwindRule::Cfa::kNone;
  };
  EXPECT_EQ(rule_of("runtime.mcall"), UnwindRule::Cfa::kEnd);
  EXPECT_EQ(rule_of("runtime.mstart.abi0"), UnwindRule::Cfa::kEnd);
  EXPECT_EQ(rule_of("runtime.goexit.abi0"), UnwindRule::Cfa::kEnd);
  EXPECT_EQ(rule_of("runtime.systemstack.abi0"), UnwindRule::Cfa::kOtherStack);
  EXPECT_EQ(rule_of("runtime.asmcgocall.abi0"), UnwindRule::Cfa::kOtherStack);
  EXPECT_EQ(rule_of("runtime.mcall_"), UnwindRule::Cfa::kNone) << "there is none";
}

}  // namespace
}  // namespace cw
