#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>
#include <utility>

#include "process/dwarf_lines.h"
#include "process/elf_file.h"
#include "process/elf_symbols.h"
#include "process/go_table.h"
#include "process/go_unwind.h"
#include "process/unwind_rows.h"
#include "process_programs.h"

namespace cw {
namespace {

namespace fs = std::filesystem;
using test::kPrograms;
using test::open_file;

std::shared_ptr<const ElfImage> image_of(const fs::path& path) {
  const Fd file = open_file(path);
  auto loaded = load_elf(file.get());
  EXPECT_TRUE(loaded.has_value()) << path;
  return loaded ? loaded->image : nullptr;
}

std::string function_at(const ElfImage& image, std::uint64_t vaddr) {
  const ElfSymbol* symbol = image.function_at(vaddr);
  return symbol == nullptr ? "" : std::string(image.name_of(*symbol));
}

TEST(Go, AStrippedProgramsFunctionsHaveNames) {
  const auto whole = image_of(kPrograms / "ledger-go");
  const auto stripped = image_of(kPrograms / "ledger-go.stripped");
  ASSERT_EQ(stripped->section_named(".symtab"), nullptr);
  std::size_t same = 0;
  for (const ElfSymbol& symbol : whole->contents().functions) {
    std::string_view name = whole->name_of(symbol);
    if (name.ends_with(".abi0")) name.remove_suffix(5);
    same += function_at(*stripped, symbol.address) == name ? 1 : 0;
  }
  const std::size_t all = whole->contents().functions.size();
  EXPECT_GT(all, 1000U);
  EXPECT_GE(same * 100, all * 99);
}

// Linked by Go's own linker, and by the system's, which leaves the table in .data.rel.ro.
class GoIndependent : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Linked, GoIndependent,
                         testing::Values("ledger-go.pie", "ledger-go.external"));

TEST_P(GoIndependent, FunctionsHaveNames) {
  const auto image = image_of(kPrograms / GetParam());
  const auto& functions = image->contents().functions;
  EXPECT_GT(functions.size(), 1000U);
  const auto settle = std::ranges::find_if(functions, [&](const ElfSymbol& symbol) {
    return image->name_of(symbol) == "main.(*ledger).settle";
  });
  ASSERT_NE(settle, functions.end());
  const ElfSection* text = image->section_named(".text");
  ASSERT_NE(text, nullptr);
  EXPECT_GE(settle->address, text->address);
  EXPECT_LT(settle->address, text->address + text->size);
  const Fd file = open_file(kPrograms / GetParam());
  const auto elf = open_elf(file.get());
  const auto table = GoTable::of(elf->get());
  ASSERT_TRUE(table);
  const SourceFrames frames = table->at(settle->address + 4);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].file.ends_with("ledger.go")) << frames[0].file;
  EXPECT_EQ(frames[0].line, 18U);
  EXPECT_TRUE(image->has_lines());
}

TEST(Go, LinesAreThoseOfItsDwarf) {
  const Fd file = open_file(kPrograms / "ledger-go");
  const auto elf = open_elf(file.get());
  const auto dwarf = DwarfLines::open(elf->get(), nullptr);
  const auto table = GoTable::of(elf->get());
  ASSERT_TRUE(dwarf && table);
  const auto image = image_of(kPrograms / "ledger-go");
  std::mt19937 random(5);
  std::size_t compared = 0;
  std::size_t same = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto& functions = image->contents().functions;
    const ElfSymbol& symbol = functions[random() % functions.size()];
    const std::uint64_t vaddr = symbol.address + random() % symbol.size;
    const SourceFrames whole = (*dwarf)->at(vaddr);
    const SourceFrames ours = table->at(vaddr);
    if (whole.size() > 1) {  // something is inlined: the table does not know what
      EXPECT_TRUE(ours.empty() || ours[0].line == 0 || ours[0].file == whole[0].file);
      continue;
    }
    // The compiler leaves some inlined functions out of its DWARF.
    if (whole.empty() || whole[0].line == 0 || ours.empty() || ours[0].line == 0) continue;
    ++compared;
    same += ours[0].file == whole[0].file && ours[0].line == whole[0].line ? 1 : 0;
  }
  fmt::print("{} of {} lines are the same\n", same, compared);
  EXPECT_GT(compared, 3000U);
  EXPECT_GE(same * 100, compared * 99);
}

// A table of two functions of 16 bytes each, as the linker of that version writes it.
class TableMaker {
 public:
  explicit TableMaker(std::uint32_t magic) : magic_(magic) {}

  [[nodiscard]] std::string make() const {
    const bool is_16 = magic_ == 0xfffffffa;
    const std::uint64_t header = 8 + (is_16 ? 7 : 8) * 8;
    const std::string names("\0main.first\0main.second\0", 24);
    const std::string numbers("\0\0\0\0\x05\0\0\0", 8);  // of the only unit
    const std::string files("a.go\0b.go\0", 10);
    // From -1: file 0 for 16 bytes; file 1 for 8 and 0 for 8; line 9 for 4 and 12 for 12; not
    // inlined for 8 and inlined for 8; 0 bytes of stack for 4, and 24 for 12.
    const std::string steps(
        "\0\x02\x10\0\x04\x08\x01\x08\0\x14\x04\x06\x0c\0\0\x08\x02\x08\0\x02\x04\x30\x0c\0", 24);
    const std::vector<std::uint64_t> offsets = {
        header, header + names.size(), header + names.size() + numbers.size(),
        header + names.size() + numbers.size() + files.size(),
        header + names.size() + numbers.size() + files.size() + steps.size()};
    std::string table;
    put(table, magic_, 4);
    put(table, 0, 2);
    put(table, 1, 1);
    put(table, 8, 1);
    put(table, 2, 8);
    put(table, 2, 8);
    if (!is_16) put(table, kText, 8);
    for (const std::uint64_t offset : offsets) put(table, offset, 8);
    return table + names + numbers + files + steps + functions(is_16);
  }

  static constexpr std::uint64_t kText = 0x401000;

 private:
  static void put(std::string& bytes, std::uint64_t value, std::size_t width) {
    bytes.append(reinterpret_cast<const char*>(&value), width);
  }

  [[nodiscard]] std::string functions(bool is_16) const {
    const std::size_t width = is_16 ? 8 : 4;
    const std::uint64_t base = is_16 ? kText : 0;
    const std::size_t record = width + 32 + (magic_ == 0xfffffff1 ? 4 : 0) + 4 + 12;
    std::string index;
    put(index, base, width);
    put(index, 5 * width, width);
    put(index, base + 16, width);
    put(index, 5 * width + record, width);
    put(index, base + 32, width);
    for (const std::uint32_t number : {0U, 1U}) {
      put(index, base + std::uint64_t{16} * number, width);
      // name, args, deferreturn, pcsp, file steps, line steps, tables, unit
      const std::array<std::uint32_t, 8> fields = {number == 0 ? 1U : 12U, 0, 0, 19,
                                                   number == 0 ? 1U : 4U,  9, 3, 0};
      for (const std::uint32_t field : fields) put(index, field, 4);
      if (magic_ == 0xfffffff1) put(index, 7, 4);  // first line
      put(index, 0, 4);
      for (const std::uint32_t table : {0U, 0U, number == 0 ? 0U : 14U}) put(index, table, 4);
    }
    return index;
  }

  std::uint32_t magic_;
};

TEST(Go, ReadsTheTablesOfItsVersions) {
  for (const std::uint32_t magic : {0xfffffffaU, 0xfffffff0U, 0xfffffff1U}) {
    const std::string bytes = TableMaker(magic).make();
    const auto table = GoTable::open(bytes, 0);
    ASSERT_TRUE(table) << magic;
    EXPECT_TRUE(table->at(TableMaker::kText - 1).empty());
    EXPECT_TRUE(table->at(TableMaker::kText + 32).empty());
    const auto at = [&](std::uint64_t offset) {
      const SourceFrames frames = table->at(TableMaker::kText + offset);
      return frames.size() == 1
                 ? fmt::format("{} {}:{}", frames[0].function, frames[0].file, frames[0].line)
                 : "";
    };
    EXPECT_EQ(at(0), "main.first a.go:9");
    EXPECT_EQ(at(15), "main.first a.go:12");
    EXPECT_EQ(at(16), "main.second b.go:9");
    EXPECT_EQ(at(23), "main.second b.go:12");
    EXPECT_EQ(at(24), "main.second :0") << "inlined: whose line it is cannot be told";
  }
}

TEST(Go, UnwindRowsAreThoseOfItsStackSizes) {
  for (const std::uint32_t magic : {0xfffffffaU, 0xfffffff0U, 0xfffffff1U}) {
    const std::string bytes = TableMaker(magic).make();
    UnwindRows rows;
    add_go_rows(*GoTable::open(bytes, 0), rows);
    const UnwindTable table = std::move(rows).build();
    for (const std::uint64_t function : {TableMaker::kText, TableMaker::kText + 16}) {
      const UnwindRule entry{.cfa = UnwindRule::Cfa::kSp, .cfa_offset = 8};
      const UnwindRule inside{.cfa = UnwindRule::Cfa::kSp,
                              .fp = UnwindRule::Fp::kAtCfa,
                              .cfa_offset = 32,
                              .fp_offset = -16};
      EXPECT_EQ(rule_at(table, function + 3), entry);
      EXPECT_EQ(rule_at(table, function + 4), inside);
      EXPECT_EQ(rule_at(table, function + 15), inside);
    }
    EXPECT_EQ(rule_at(table, TableMaker::kText + 32), UnwindRule{});
  }
}

TEST(Go, DamagedTablesAreHarmless) {
  std::mt19937 random(6);
  for (const std::uint32_t magic : {0xfffffffaU, 0xfffffff0U, 0xfffffff1U}) {
    const std::string whole = TableMaker(magic).make();
    for (int round = 0; round < 4000; ++round) {
      std::string bytes = whole.substr(0, whole.size() - random() % 3 * (random() % whole.size()));
      for (int i = 0; i < 3 && !bytes.empty(); ++i)
        bytes[random() % bytes.size()] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
      const auto table = GoTable::open(bytes, 0);
      if (!table) continue;
      for (std::uint64_t offset = 0; offset < 40; offset += 3)
        EXPECT_LE(table->at(TableMaker::kText + offset).size(), 1U);
      for (std::size_t i = 0; i < std::min<std::size_t>(table->functions(), 100); ++i)
        static_cast<void>(table->function(i));
      UnwindRows rows;
      add_go_rows(*table, rows);
      EXPECT_TRUE(std::ranges::is_sorted(std::move(rows).build().pc));
    }
  }
  EXPECT_FALSE(GoTable::open("", 0));
  EXPECT_FALSE(GoTable::open(TableMaker(0xfffffffb).make(), 0)) << "Go 1.2";
}

}  // namespace
}  // namespace cw
