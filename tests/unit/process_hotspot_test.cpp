#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "process/hotspot_code.h"
#include "process/proc_files.h"

namespace cw {
namespace {

TEST(Hotspot, RowsAreThoseOfItsFrames) {
  const std::uint64_t at = 0x7f0012340000;
  const std::vector<HotspotCode::Piece> pieces = {
      {.start = at, .end = at + 0x100, .interprets = true},
      {.start = at + 0x200, .end = at + 0x300, .prologue = 44, .frame_size = 96},
      {.start = at + 0x400, .end = at + 0x500},
      {.start = at + 0x600, .end = at + 0x610, .prologue = 0x20, .frame_size = 64}};
  const UnwindTable table = unwind_table(pieces);
  EXPECT_EQ(table.base, at);
  const UnwindRule interpreter = rule_at(table, at + 0x10);
  EXPECT_EQ(interpreter.cfa, UnwindRule::Cfa::kInterpreted);
  EXPECT_EQ(interpreter.cfa_offset, -8);
  EXPECT_EQ(interpreter.cfa_plus, -24);
  const UnwindRule entry{.cfa = UnwindRule::Cfa::kSp, .cfa_offset = 8};
  EXPECT_EQ(rule_at(table, at + 0x200), entry);
  EXPECT_EQ(rule_at(table, at + 0x200 + 43), entry);
  const UnwindRule whole{.cfa = UnwindRule::Cfa::kSp,
                         .fp = UnwindRule::Fp::kAtCfa,
                         .cfa_offset = 96,
                         .fp_offset = -16};
  EXPECT_EQ(rule_at(table, at + 0x200 + 44), whole);
  EXPECT_EQ(rule_at(table, at + 0x2ff), whole);
  EXPECT_EQ(rule_at(table, at + 0x480).cfa, UnwindRule::Cfa::kNone) << "by the frame pointer";
  EXPECT_NE(rule_at(table, at + 0x480), UnwindRule{}) << "but known";
  EXPECT_EQ(rule_at(table, at + 0x580), UnwindRule{}) << "nothing, or code that is new";
  EXPECT_EQ(rule_at(table, at + 0x60f), entry) << "the frame is never whole";
}

// A heap of three blocks, with all that HotSpot says of its own fields.
TEST(Hotspot, ReadsTheHeapsOfAVirtualMachine) {
  const auto code = HotspotCode::open(
      Fd(::open(CW_CORPUS "/hotspot_code/three_blocks", O_RDONLY | O_CLOEXEC)), 8, 16);
  ASSERT_TRUE(code);
  const auto pieces = code->pieces();
  ASSERT_EQ(pieces.size(), 3);
  EXPECT_EQ(code->name_of(pieces[0]), "shop.Orders.settle");
  EXPECT_EQ(pieces[0].frame_size, 32);
  EXPECT_EQ(pieces[0].prologue, 8);
  EXPECT_EQ(code->name_of(pieces[1]), "Interpreter");
  EXPECT_TRUE(pieces[1].interprets);
  EXPECT_EQ(code->name_of(pieces[2]), "monitorenter");
}

TEST(Hotspot, OtherProcessesHaveNone) {
  const Fd self = open_process(::getpid());
  EXPECT_FALSE(HotspotCode::find(self.get(), MemoryMap::read(self.get())));
}

}  // namespace
}  // namespace cw
