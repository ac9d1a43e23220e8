// Unwind rows against those of elfutils, row by row, for the files that are hardest; and damage.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "process/eh_frame.h"

namespace cw {
namespace {

struct Section {
  std::vector<std::byte> bytes;
  std::uint64_t vaddr = 0;
};

class File {
 public:
  explicit File(const char* path) : number_(::open(path, O_RDONLY | O_CLOEXEC)) {
    ::elf_version(EV_CURRENT);
    elf_ = ::elf_begin(number_, ELF_C_READ, nullptr);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    ::elf_end(elf_);
    ::close(number_);
  }
  [[nodiscard]] Elf* elf() const { return elf_; }

  [[nodiscard]] Section section(std::string_view wanted) const {
    std::size_t names = 0;
    if (::elf_getshdrstrndx(elf_, &names) != 0) return {};
    for (Elf_Scn* scn = ::elf_nextscn(elf_, nullptr); scn != nullptr;
         scn = ::elf_nextscn(elf_, scn)) {
      GElf_Shdr header{};
      ::gelf_getshdr(scn, &header);
      const char* name = ::elf_strptr(elf_, names, header.sh_name);
      if (name == nullptr || name != wanted) continue;
      const Elf_Data* content = ::elf_rawdata(scn, nullptr);
      const auto* bytes = static_cast<const std::byte*>(content->d_buf);
      return {{bytes, bytes + content->d_size}, header.sh_addr};
    }
    return {};
  }

 private:
  int number_;
  Elf* elf_;
};

std::string text_of(const UnwindRule& rule) {
  return fmt::format("cfa {} {} {}{:+} fp {}{:+}", static_cast<int>(rule.cfa), rule.number,
                     rule.cfa_offset, rule.cfa_plus, static_cast<int>(rule.fp), rule.fp_offset);
}

// elfutils' answer in the shape of a rule; empty where it says something that no rule can.
class Oracle {
 public:
  explicit Oracle(Elf* elf) : cfi_(::dwarf_getcfi_elf(elf)) {}
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  ~Oracle() { ::dwarf_cfi_end(cfi_); }

  // kNone where it has no entry.
  std::optional<UnwindRule> at(std::uint64_t vaddr) {
    Dwarf_Frame* frame = nullptr;
    if (::dwarf_cfi_addrframe(cfi_, vaddr, &frame) != 0) return UnwindRule{};
    const std::unique_ptr<Dwarf_Frame, decltype(&::free)> owned(frame, ::free);
    UnwindRule rule;
    std::int64_t pc = 0;
    if (is_undefined(frame, 16)) return UnwindRule{.cfa = UnwindRule::Cfa::kEnd};
    if (place_of(frame, 16, pc) != UnwindRule::Fp::kAtCfa || pc != -8) return std::nullopt;
    std::int64_t offset = 0;
    rule.fp = place_of(frame, 6, offset);
    rule.fp_offset = static_cast<std::int32_t>(offset);
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (::dwarf_frame_cfa(frame, &operations, &count) != 0) return std::nullopt;
    if (!set_cfa(operations, count, rule)) return std::nullopt;
    return rule;
  }

 private:
  static bool set_cfa(const Dwarf_Op* operations, std::size_t count, UnwindRule& rule) {
    if (count == 0) return false;
    const Dwarf_Op& first = operations[0];
    std::uint64_t number = first.atom - DW_OP_breg0;
    auto offset = static_cast<std::int32_t>(first.number);
    if (first.atom == DW_OP_bregx) {
      number = first.number;
      offset = static_cast<std::int32_t>(first.number2);
    } else if (first.atom < DW_OP_breg0 || first.atom > DW_OP_breg31) {
      return false;
    }
    rule.cfa_offset = offset;
    const bool of_sp = number == 7;
    if (count == 1) {
      rule.cfa = of_sp         ? UnwindRule::Cfa::kSp
                 : number == 6 ? UnwindRule::Cfa::kFp
                               : UnwindRule::Cfa::kRegister;
      if (rule.cfa == UnwindRule::Cfa::kRegister) rule.number = static_cast<std::uint16_t>(number);
      return true;
    }
    if (operations[1].atom == DW_OP_deref && (of_sp || number == 6)) {
      rule.cfa = of_sp ? UnwindRule::Cfa::kDerefSp : UnwindRule::Cfa::kDerefFp;
      if (count == 2) return true;
      rule.cfa_plus = static_cast<std::int32_t>(operations[2].number);
      return count == 3 && operations[2].atom == DW_OP_plus_uconst;
    }
    if (count == 9 && operations[1].atom == DW_OP_breg16) {
      rule.cfa = UnwindRule::Cfa::kPlt;
      rule.cfa_plus = operations[4].atom - DW_OP_lit0;
      return true;
    }
    return false;
  }

  static bool is_undefined(Dwarf_Frame* frame, int number) {
    std::array<Dwarf_Op, 3> memory{};
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    return ::dwarf_frame_register(frame, number, memory.data(), &operations, &count) == 0 &&
           count == 0 && operations != nullptr;
  }

  static UnwindRule::Fp place_of(Dwarf_Frame* frame, int number, std::int64_t& offset) {
    std::array<Dwarf_Op, 3> memory{};
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (::dwarf_frame_register(frame, number, memory.data(), &operations, &count) != 0)
      return UnwindRule::Fp::kLost;
    if (count == 0) return operations == nullptr ? UnwindRule::Fp::kSame : UnwindRule::Fp::kLost;
    // An offset from the CFA, or an expression that is given the CFA.
    const Dwarf_Op& last = operations[count - 1];
    if (count <= 2) offset = static_cast<std::int64_t>(last.number);
    if (count == 1 && last.atom == DW_OP_call_frame_cfa) return UnwindRule::Fp::kAtCfa;
    if (count == 2 && last.atom == DW_OP_plus_uconst) return UnwindRule::Fp::kAtCfa;
    if (count == 2 && last.atom == DW_OP_breg6) return UnwindRule::Fp::kAtFp;
    if (count == 2 && last.atom == DW_OP_breg7) return UnwindRule::Fp::kAtSp;
    return UnwindRule::Fp::kLost;
  }

  Dwarf_CFI* cfi_;
};

std::string system_file(const char* name) {
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/bin", "/lib64", "/usr/local/bin"}) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    if (std::filesystem::exists(path)) return std::filesystem::canonical(path);
  }
  return {};
}

class EhFrame : public testing::TestWithParam<const char*> {};

// Debian's own, optimised.
TEST_P(EhFrame, AgreesWithElfutilsInEveryRow) {
  const std::string path =
      std::string_view(GetParam()) == "self" ? "/proc/self/exe" : system_file(GetParam());
  ASSERT_FALSE(path.empty()) << GetParam() << " is not installed: run tools/setup test";
  const File file(path.c_str());
  const Section section = file.section(".eh_frame");
  ASSERT_FALSE(section.bytes.empty());
  const UnwindTable table = unwind_table(section.bytes, section.vaddr);
  Oracle oracle(file.elf());
  std::uint64_t compared = 0;
  std::uint64_t beyond = 0;  // what a rule cannot say
  for (std::size_t i = 0; i < table.pc.size(); ++i) {
    const std::uint64_t vaddr = table.base + table.pc[i];
    const UnwindRule ours = table.rules[table.rule[i]];
    const auto theirs = oracle.at(vaddr);
    if (!theirs || ours.cfa == UnwindRule::Cfa::kSignal) {
      ++beyond;
      EXPECT_TRUE(ours.cfa == UnwindRule::Cfa::kNone || ours.cfa == UnwindRule::Cfa::kSignal ||
                  ours.cfa == UnwindRule::Cfa::kEnd)
          << fmt::format("{:#x}: {}", vaddr, text_of(ours));
      continue;
    }
    ++compared;
    EXPECT_EQ(text_of(ours), text_of(*theirs)) << fmt::format("{:#x}", vaddr);
    if (i + 1 < table.pc.size() && table.pc[i + 1] != table.pc[i]) {  // up to the next row
      const std::uint64_t last = table.base + table.pc[i + 1] - 1;
      const auto there = oracle.at(last);
      EXPECT_TRUE(there && text_of(ours) == text_of(*there))
          << fmt::format("{:#x}: {}", last, text_of(ours));
    }
    if (HasFailure() && compared > 100) break;
  }
  EXPECT_GT(compared, 100U);
  EXPECT_LT(beyond, compared / 1000 + 3);
  RecordProperty("rows", static_cast<int>(table.pc.size()));
  RecordProperty("rules", static_cast<int>(table.rules.size()));
  RecordProperty("beyond", static_cast<int>(beyond));
}

INSTANTIATE_TEST_SUITE_P(Files, EhFrame,
                         testing::Values("libc.so.6", "libstdc++.so.6", "libcrypto.so.3", "python3",
                                         "ld-linux-x86-64.so.2", "node", "self"),
                         [](const auto& about) {
                           std::string name = about.param;
                           for (char& letter : name)
                             if (std::isalnum(static_cast<unsigned char>(letter)) == 0)
                               letter = '_';
                           return name;
                         });

TEST(EhFrameOfLibc, KnowsTheSignalFrameAndTheFirstFunction) {
  const File file(system_file("libc.so.6").c_str());
  const Section section = file.section(".eh_frame");
  const UnwindTable table = unwind_table(section.bytes, section.vaddr);
  const auto has = [&](UnwindRule::Cfa cfa) {
    return std::ranges::any_of(table.rules,
                               [&](const UnwindRule& rule) { return rule.cfa == cfa; });
  };
  EXPECT_TRUE(has(UnwindRule::Cfa::kEnd));
  // mcontext's rsp, rip and rbp, from the handler's return on
  // (arch/x86/include/uapi/asm/sigcontext.h).
  const UnwindRule signal{.cfa = UnwindRule::Cfa::kSignal,
                          .fp = UnwindRule::Fp::kAtSp,
                          .cfa_offset = 160,
                          .cfa_plus = 168,
                          .fp_offset = 120};
  EXPECT_NE(std::ranges::find(table.rules, signal), table.rules.end());
}

// As OCaml makes them: what holds behind the function's end is said, too.
TEST(EhFrame, LastRowOfAFunctionThatIsDescribedBeyondItsEnd) {
  std::vector<std::byte> section;
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) section.push_back(static_cast<std::byte>(byte));
  };
  // Length, no distance, version 1, "", alignments 1 and -8, return address in 16; cfa sp + 8.
  put({16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0});
  put({32, 0, 0, 0, 24, 0, 0, 0});       // length, distance of the above
  put({0, 0x10, 0, 0, 0, 0, 0, 0});      // from 0x1000 on
  put({0x49, 0, 0, 0, 0, 0, 0, 0});      // for 0x49 bytes
  put({0x44, 0x0e, 16, 0x54, 0x0e, 8});  // from 4 on sp + 16, from 24 on sp + 8
  put({0x41, 0x0e, 16, 0x70, 0x0e, 8});  // from 25 on sp + 16, and from 0x49 on sp + 8
  const UnwindTable table = unwind_table(section, 0x400000);
  std::vector<std::pair<std::uint64_t, std::int32_t>> rows;
  rows.reserve(table.pc.size());
  for (std::size_t i = 0; i < table.pc.size(); ++i)
    rows.emplace_back(table.base + table.pc[i], table.rules[table.rule[i]].cfa_offset);
  const std::vector<std::pair<std::uint64_t, std::int32_t>> expected = {
      {0x1000, 8}, {0x1004, 16}, {0x1018, 8}, {0x1019, 16}, {0x1049, 0}};
  EXPECT_EQ(rows, expected);
  EXPECT_EQ(table.not_understood, 0U);
}

TEST(EhFrameDamaged, IsReadUpToTheDamage) {
  const File file(system_file("libc.so.6").c_str());
  const Section section = file.section(".eh_frame");
  const auto whole = unwind_table(section.bytes, section.vaddr);
  const auto half =
      unwind_table(std::span(section.bytes).first(section.bytes.size() / 2), section.vaddr);
  EXPECT_GT(half.pc.size(), 0U);
  EXPECT_LT(half.pc.size(), whole.pc.size());
  EXPECT_EQ(unwind_table({}, 0).pc.size(), 0U);
}

TEST(EhFrameDamaged, RowsAscendWhateverTheBytes) {
  const File file(system_file("libc.so.6").c_str());
  Section section = file.section(".eh_frame");
  section.bytes.resize(std::min<std::size_t>(section.bytes.size(), 1U << 16U));
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> bytes = section.bytes;
    for (int i = 0; i < 64; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    const UnwindTable table = unwind_table(bytes, section.vaddr);
    ASSERT_TRUE(std::ranges::is_sorted(table.pc));
    ASSERT_EQ(table.pc.size(), table.rule.size());
    for (const std::uint16_t rule : table.rule) ASSERT_LT(rule, table.rules.size());
  }
}

}  // namespace
}  // namespace cw
