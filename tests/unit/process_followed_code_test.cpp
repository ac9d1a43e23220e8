// Rows made by following code, against those of .eh_frame for the same code.
#include "process/followed_code.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include "process/elf_file.h"
#include "process/elf_symbols.h"
#include "process/unwind_file.h"

namespace cw {
namespace {

namespace fs = std::filesystem;

struct Code {
  std::vector<CodeWindow> windows;
  std::vector<std::uint64_t> functions;
  UnwindTable table;

  explicit Code(const fs::path& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    auto unwind = read_unwind_file(file.get());
    const auto loaded = load_elf(file.get());
    EXPECT_TRUE(unwind && loaded) << path;
    if (!unwind || !loaded) return;
    table = std::move(unwind->table);
    for (const ElfSymbol& symbol : loaded->image->contents().functions)
      functions.push_back(symbol.address);
    const ElfSection* text = loaded->image->section_named(".text");
    windows.push_back(read_code(file.get(), *loaded->image,
                                {.start = text->address, .end = text->address + text->size}));
  }
};

UnwindTable followed(const std::vector<CodeWindow>& windows, const std::vector<AddressRange>& gaps,
                     const std::vector<std::uint64_t>& functions) {
  UnwindRows rows;
  FollowedCode(windows, gaps, functions).add_rows(rows);
  return std::move(rows).build();
}

TEST(FollowedCode, AgreesWithEhFrame) {
  const Code code("/lib64/ld-linux-x86-64.so.2");
  const auto& window = code.windows.front();
  const std::vector<AddressRange> all = {
      {.start = window.vaddr, .end = window.vaddr + window.bytes.size()}};
  const UnwindTable ours = followed(code.windows, all, code.functions);
  std::size_t compared = 0;
  std::size_t cfa = 0;
  std::size_t fp = 0;
  for (std::size_t i = 0; i < ours.pc.size(); ++i) {
    const UnwindRule rule = ours.rules[ours.rule[i]];
    const UnwindRule theirs = rule_at(code.table, ours.base + ours.pc[i]);
    if (rule.cfa != UnwindRule::Cfa::kSp || theirs.cfa != UnwindRule::Cfa::kSp) continue;
    ++compared;
    const bool same = rule.cfa_offset == theirs.cfa_offset;
    cfa += same ? 1 : 0;
    // Compilers do not tell that it is back in its register: it is still on the stack, too.
    fp += rule.fp == UnwindRule::Fp::kSame ||
                  (rule.fp == theirs.fp && rule.fp_offset == theirs.fp_offset)
              ? 1
              : 0;
  }
  fmt::print("{} of {} rows have the same CFA, {} the same saved frame pointer\n", cfa, compared,
             fp);
  EXPECT_GT(compared, 2000U);
  EXPECT_GE(cfa * 100, compared * 99);
  EXPECT_GE(fp * 100, compared * 99);
}

// push %rbx; sub $16,%rsp; call F; add $16,%rsp; pop %rbx; ret; F: push %rbp; mov %rsp,%rbp;
// and $-16,%rsp; leave; ret
TEST(FollowedCode, FollowsCallsAndFrames) {
  const auto bytes = std::to_array<unsigned char>(
      {0x53, 0x48, 0x83, 0xec, 0x10, 0xe8, 0x06, 0,    0,    0,    0x48, 0x83, 0xc4,
       0x10, 0x5b, 0xc3, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xe4, 0xf0, 0xc9, 0xc3});
  const std::uint64_t at = 0x1000;
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
  const std::vector<CodeWindow> code = {{.vaddr = at, .bytes = {begin, begin + bytes.size()}}};
  const UnwindTable table = followed(code, {{.start = at, .end = at + bytes.size()}}, {at});
  const auto by_sp = [](std::int32_t offset) {
    return UnwindRule{.cfa = UnwindRule::Cfa::kSp, .cfa_offset = offset};
  };
  EXPECT_EQ(rule_at(table, at), by_sp(8));
  EXPECT_EQ(rule_at(table, at + 1), by_sp(16));
  EXPECT_EQ(rule_at(table, at + 9), by_sp(32)) << "in the call";
  EXPECT_EQ(rule_at(table, at + 15), by_sp(8));
  EXPECT_EQ(rule_at(table, at + 16), by_sp(8));
  UnwindRule pushed{.cfa = UnwindRule::Cfa::kSp,
                    .fp = UnwindRule::Fp::kAtCfa,
                    .cfa_offset = 16,
                    .fp_offset = -16};
  EXPECT_EQ(rule_at(table, at + 17), pushed);
  pushed.cfa = UnwindRule::Cfa::kFp;
  EXPECT_EQ(rule_at(table, at + 24), pushed) << "the stack pointer is not known";
  EXPECT_EQ(rule_at(table, at + 25), by_sp(8));
}

TEST(FollowedCode, WhateverTheBytesRowsAscend) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    CodeWindow window{.vaddr = 0x1000, .bytes = std::vector<std::byte>(4096)};
    for (std::byte& byte : window.bytes) byte = static_cast<std::byte>(random());
    const std::vector<CodeWindow> code = {window};
    const UnwindTable table =
        followed(code, {{.start = 0x1000, .end = 0x1800}}, {0x1000, 0x1100, 0x17ff, 0x5000});
    EXPECT_TRUE(std::ranges::is_sorted(table.pc));
    EXPECT_EQ(table.pc.size(), table.rule.size());
  }
}

TEST(FollowedCode, GapsAreWhatIsNotCovered) {
  const std::vector<AddressRange> code = {{.start = 0x1000, .end = 0x2000},
                                          {.start = 0x3000, .end = 0x3008}};
  const std::vector<AddressRange> covered = {{.start = 0xf00, .end = 0x1100},
                                             {.start = 0x1108, .end = 0x1200},
                                             {.start = 0x1300, .end = 0x1400}};
  const std::vector<AddressRange> gaps = {{.start = 0x1200, .end = 0x1300},
                                          {.start = 0x1400, .end = 0x2000}};
  EXPECT_EQ(gaps_in(code, covered), gaps) << "without the bytes between functions";
}

// Debian's musl has no call frame information.
TEST(FollowedCode, LeadsOutOfAnotherCLibrary) {
  const Fd file(::open((fs::path(CW_PROGRAMS) / "sleeper.musl").c_str(), O_RDONLY | O_CLOEXEC));
  const auto unwind = read_unwind_file(file.get());
  const auto loaded = load_elf(file.get());
  ASSERT_TRUE(unwind && loaded);
  std::size_t told = 0;
  std::size_t all = 0;
  for (const ElfSymbol& symbol : loaded->image->contents().functions) {
    ++all;
    if (rule_at(unwind->table, symbol.address).cfa != UnwindRule::Cfa::kNone) ++told;
  }
  EXPECT_GE(told * 100, all * 95) << told << " of " << all;
}

}  // namespace
}  // namespace cw
