#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "process/instruction.h"
#include "process/probe_placement.h"

namespace cw {
namespace {

constexpr std::uint64_t kEntry = 0x1000;

constexpr Register kRax{0};
constexpr Register kRdx{1};
constexpr Register kRcx{2};
constexpr Register kRsi{4};
constexpr Register kRdi{5};
constexpr Register kR8{8};

std::vector<std::byte> code(std::initializer_list<unsigned> bytes) {
  std::vector<std::byte> out;
  out.reserve(bytes.size());
  for (const unsigned byte : bytes) out.push_back(static_cast<std::byte>(byte));
  return out;
}

Placement placed(std::initializer_list<unsigned> bytes, AllocCall call,
                 std::vector<std::uint64_t> landings = {}) {
  return place(code(bytes), kEntry, call, landings);
}

bool emulated(std::initializer_list<unsigned> bytes) {
  return is_emulated(code(bytes));
}

TEST(Emulated, BranchesWithADistance) {
  EXPECT_TRUE(emulated({0xeb, 0x05}));                                 // jmp, short
  EXPECT_TRUE(emulated({0xe9, 0, 1, 0, 0}));                           // jmp
  EXPECT_TRUE(emulated({0xe8, 0, 1, 0, 0}));                           // call
  EXPECT_TRUE(emulated({0x74, 0x05}));                                 // je, short
  EXPECT_TRUE(emulated({0x7f, 0x05}));                                 // jg, short
  EXPECT_TRUE(emulated({0x0f, 0x84, 0, 1, 0, 0}));                     // je
  EXPECT_TRUE(emulated({0x0f, 0x8f, 0, 1, 0, 0}));                     // jg
  EXPECT_TRUE(emulated({0xf2, 0xe9, 0, 1, 0, 0}));                     // bnd jmp
  EXPECT_FALSE(emulated({0x66, 0xe9, 0, 1}));                          // refused
  EXPECT_FALSE(emulated({0xff, 0xe0}));                                // jmp rax
  EXPECT_FALSE(emulated({0xff, 0x25, 0, 0, 0, 0}));                    // jmp *slot
  EXPECT_FALSE(emulated({0xe3, 0x05}));                                // jrcxz
  EXPECT_FALSE(emulated({0xe2, 0x05}));                                // loop
  EXPECT_FALSE(emulated({0x0f, 0x90, 0xc0}));                          // seto al
  EXPECT_FALSE(emulated({0x0f, 0x1f, 0x44, 0x00, 0x00}));              // nop of 5 bytes
  EXPECT_FALSE(emulated({0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00}));  // nop of 7 bytes
}

TEST(Emulated, PushesOfARegisterAndNop) {
  EXPECT_TRUE(emulated({0x55}));
  EXPECT_TRUE(emulated({0x41, 0x54}));   // push r12
  EXPECT_FALSE(emulated({0x49, 0x54}));  // push r12, with REX.W
  EXPECT_FALSE(emulated({0x40, 0x54}));  // push rsp, with an empty REX
  EXPECT_FALSE(emulated({0x6a, 0x01}));  // push 1
  EXPECT_FALSE(emulated({0x5d}));        // pop rbp
  EXPECT_TRUE(emulated({0x90}));
  EXPECT_FALSE(emulated({0x41, 0x90}));              // xchg r8, rax
  EXPECT_FALSE(emulated({0xf3, 0x0f, 0x1e, 0xfa}));  // endbr64
  EXPECT_FALSE(emulated({0x48, 0x89, 0xfb}));        // mov rbx, rdi
  EXPECT_FALSE(emulated({0xc3}));
  EXPECT_FALSE(emulated({}));
}

TEST(Placement, TakesTheEntryWhereItIsEmulated) {
  const auto site = placed({0x41, 0x54, 0x48, 0x89, 0xfb, 0x41, 0x5c, 0xc3}, AllocCall::kMalloc);
  EXPECT_EQ(site.vaddr, kEntry);
  EXPECT_TRUE(site.emulated);
  EXPECT_EQ(site.instruction, "push r12");
  EXPECT_EQ(site.size_in, kRdi);
  EXPECT_EQ(site.pushed, 0U);
  EXPECT_EQ(site.why_entry, "");
}

TEST(Placement, SkipsTheLandingMarkOfIndirectBranches) {
  const auto site = placed({0xf3, 0x0f, 0x1e, 0xfa, 0x53, 0x5b, 0xc3}, AllocCall::kFree);
  EXPECT_EQ(site.vaddr, kEntry + 4);
  EXPECT_TRUE(site.emulated);
  EXPECT_EQ(site.pointer_in, kRdi);
}

// glibc 2.36: free.
TEST(Placement, ABranchOnNullIsPassedByAllCalls) {
  const auto site = placed({0x48, 0x85, 0xff,                    // test rdi, rdi
                            0x0f, 0x84, 0x01, 0x00, 0x00, 0x00,  // je
                            0x55, 0xc3},
                           AllocCall::kFree);
  EXPECT_EQ(site.vaddr, kEntry + 3);
  EXPECT_EQ(site.pointer_in, kRdi);
}

// mimalloc 2.0: malloc, where rdi becomes the heap.
TEST(Placement, FollowsAnArgumentThroughCopies) {
  const auto site = placed({0x48, 0x8b, 0x05, 0,    0,    0,    0,     // mov rax, [rip]
                            0x48, 0x89, 0xfe,                          // mov rsi, rdi
                            0x64, 0x48, 0x8b, 0x38,                    // mov rdi, fs:[rax]
                            0x48, 0x81, 0xfe, 0x00, 0x04, 0x00, 0x00,  // cmp rsi, 0x400
                            0x77, 0x01, 0x90, 0xc3},                   // ja
                           AllocCall::kMalloc);
  EXPECT_EQ(site.vaddr, kEntry + 21);
  EXPECT_EQ(site.size_in, kRsi);
}

TEST(Placement, FollowsAllArgumentsOfACall) {
  // mov rcx, rdx; mov rdx, rsi; mov rsi, rdi; xor edi, edi; jmp
  const auto site =
      placed({0x48, 0x89, 0xd1, 0x48, 0x89, 0xf2, 0x48, 0x89, 0xfe, 0x31, 0xff, 0xe9, 0, 1, 0, 0},
             AllocCall::kReallocarray);
  EXPECT_EQ(site.vaddr, kEntry + 11);
  EXPECT_EQ(site.pointer_in, kRsi);
  EXPECT_EQ(site.count_in, kRdx);
  EXPECT_EQ(site.size_in, kRcx);
}

TEST(Placement, ExchangedArgumentsChangePlaces) {
  const auto site = placed({0x48, 0x87, 0xf7, 0x55, 0xc3}, AllocCall::kRealloc);  // xchg rdi, rsi
  EXPECT_EQ(site.vaddr, kEntry + 3);
  EXPECT_EQ(site.pointer_in, kRsi);
  EXPECT_EQ(site.size_in, kRdi);
}

TEST(Placement, AComputedSizeIsNoCopy) {
  // lea r8, [rdi + 7]; mov rdi, r8; push rbp
  const auto site =
      placed({0x4c, 0x8d, 0x47, 0x07, 0x4c, 0x89, 0xc7, 0x55, 0xc3}, AllocCall::kMalloc);
  EXPECT_EQ(site.vaddr, kEntry);
  EXPECT_FALSE(site.emulated);
  EXPECT_NE(site.why_entry, "");
  EXPECT_EQ(site.size_in, kRdi);
}

TEST(Placement, HalfARegisterIsNoCopy) {
  // mov r8d, edi; mov edi, 1; push rbp
  const auto site = placed({0x41, 0x89, 0xf8, 0xbf, 1, 0, 0, 0, 0x55, 0xc3}, AllocCall::kMalloc);
  EXPECT_EQ(site.vaddr, kEntry);
  EXPECT_FALSE(site.emulated);
}

TEST(Placement, AMultiplicationOverwritesItsHiddenOperands) {
  // mov rax, rsi; mul rdx; jo: count and size are gone, the pointer is not
  const std::initializer_list<unsigned> bytes = {0x48, 0x89, 0xf0, 0x48, 0xf7,
                                                 0xe2, 0x70, 0x01, 0x90, 0xc3};
  EXPECT_EQ(placed(bytes, AllocCall::kFree).vaddr, kEntry + 6);
  EXPECT_EQ(placed(bytes, AllocCall::kReallocarray).vaddr, kEntry);
}

TEST(Placement, CountsWhatLiesAboveTheReturnAddress) {
  // mov rax, [rdi]; sub rsp, 0x18; je
  const auto site =
      placed({0x48, 0x8b, 0x07, 0x48, 0x83, 0xec, 0x18, 0x74, 0x00, 0xc3}, AllocCall::kFree);
  EXPECT_EQ(site.vaddr, kEntry + 7);
  EXPECT_EQ(site.pushed, 0x18U);
}

TEST(Placement, NotWhereABranchLeadsBackTo) {
  // mov rax, rdi; L: dec rax; jne L
  const auto site =
      placed({0x48, 0x89, 0xf8, 0x48, 0xff, 0xc8, 0x75, 0xfb, 0xc3}, AllocCall::kMalloc);
  EXPECT_EQ(site.vaddr, kEntry);
  EXPECT_FALSE(site.emulated);
  EXPECT_NE(site.why_entry.find("leads back"), std::string::npos);
}

TEST(Placement, NotWhereOtherCodeBranchesTo) {
  const std::initializer_list<unsigned> bytes = {0x48, 0x89, 0xf8, 0x55, 0x5d, 0xc3};
  EXPECT_EQ(placed(bytes, AllocCall::kMalloc).vaddr, kEntry + 3);
  EXPECT_EQ(placed(bytes, AllocCall::kMalloc, {kEntry + 3}).vaddr, kEntry);
  EXPECT_EQ(placed(bytes, AllocCall::kMalloc, {kEntry + 4}).vaddr, kEntry + 3);
  EXPECT_EQ(placed(bytes, AllocCall::kMalloc, {kEntry}).vaddr, kEntry + 3);
}

TEST(Placement, BehindThePrologueAJumpTableMayLeadBack) {
  // mov rax, rdi; je; jmp rax
  const auto without_prologue =
      placed({0x48, 0x89, 0xf8, 0x74, 0x00, 0xff, 0xe0}, AllocCall::kFree);
  EXPECT_EQ(without_prologue.vaddr, kEntry);
  EXPECT_FALSE(without_prologue.emulated);
  // mov rax, rdi; push rbp; je; jmp rax
  const auto with_prologue =
      placed({0x48, 0x89, 0xf8, 0x55, 0x74, 0x00, 0xff, 0xe0}, AllocCall::kFree);
  EXPECT_EQ(with_prologue.vaddr, kEntry + 3);
  EXPECT_TRUE(with_prologue.emulated);
}

TEST(Placement, AJumpThroughAFixedAddressLeavesTheFunction) {
  const auto site =
      placed({0x48, 0x89, 0xf8, 0x74, 0x00, 0xff, 0x25, 0, 0, 0, 0}, AllocCall::kFree);
  EXPECT_EQ(site.vaddr, kEntry + 3);
}

TEST(Placement, ACallIsASiteButNothingBehindIt) {
  const auto direct = placed({0x48, 0x89, 0xf8, 0xe8, 0, 1, 0, 0, 0xc3}, AllocCall::kFree);
  EXPECT_EQ(direct.vaddr, kEntry + 3);
  const auto indirect = placed({0x48, 0x89, 0xf8, 0xff, 0xd0, 0x55, 0x5d, 0xc3}, AllocCall::kFree);
  EXPECT_EQ(indirect.vaddr, kEntry);
}

TEST(Placement, NotInARestartableSequence) {
  // mov fs:[rax], rdx; push rbp
  const auto site = placed({0x64, 0x48, 0x89, 0x10, 0x55, 0xc3}, AllocCall::kFree);
  EXPECT_EQ(site.vaddr, kEntry);
}

TEST(Placement, OnlyTheEntryOfWhatCannotBeLookedThrough) {
  EXPECT_EQ(place({}, kEntry, AllocCall::kFree).vaddr, kEntry);
  std::vector<std::byte> huge((std::size_t{64} << 10) + 1, std::byte{0x90});
  const auto site = place(huge, kEntry, AllocCall::kFree);
  EXPECT_FALSE(site.emulated);
  EXPECT_NE(site.why_entry, "");
  huge.pop_back();
  EXPECT_TRUE(place(huge, kEntry, AllocCall::kFree).emulated);
}

// Whatever the bytes: the site begins an instruction on the straight line, and its arguments have a
// register.
TEST(Placement, AnyBytesAreTaken) {
  std::mt19937 random(7);
  Decoder decoder;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(random() % 64);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    const auto call = static_cast<AllocCall>(random() % 11);
    const auto site = place(bytes, kEntry, call);
    std::uint64_t at = kEntry;
    while (at < site.vaddr) {
      const auto instruction = decoder.decode(std::span(bytes).subspan(at - kEntry), at);
      ASSERT_TRUE(instruction && !instruction->leaves_line());
      at = instruction->end();
    }
    ASSERT_EQ(at, site.vaddr);
    ASSERT_EQ(site.size_in.has_value(), shape_of(call).size.has_value());
    ASSERT_EQ(site.pointer_in.has_value(), shape_of(call).pointer.has_value());
    ASSERT_TRUE(site.emulated || site.vaddr == kEntry);
  }
}

TEST(Instruction, KnowsWhereIndirectJumpsReadTheirTarget) {
  Decoder decoder;
  const auto jump = decoder.decode(code({0xff, 0x25, 0x10, 0, 0, 0}), 0x2000);
  ASSERT_TRUE(jump);
  EXPECT_EQ(jump->flow, Flow::kIndirectJump);
  EXPECT_EQ(jump->slot, 0x2016U);
  const auto table = decoder.decode(code({0xff, 0x24, 0xc5, 0, 0x10, 0, 0}), 0x2000);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->flow, Flow::kIndirectJump);
  EXPECT_FALSE(table->slot);
}

TEST(Instruction, TellsStoresFromConstantsAndTheStack) {
  Decoder decoder;
  const auto stores = [&decoder](std::initializer_list<unsigned> bytes) {
    const auto instruction = decoder.decode(code(bytes), 0);
    return instruction && instruction->stores;
  };
  EXPECT_TRUE(stores({0x48, 0x89, 0x07}));                  // mov [rdi], rax
  EXPECT_TRUE(stores({0x83, 0x07, 0x01}));                  // add dword [rdi], 1
  EXPECT_TRUE(stores({0x0f, 0x11, 0x07}));                  // movups [rdi], xmm0
  EXPECT_FALSE(stores({0x48, 0x89, 0x44, 0x24, 0x08}));     // mov [rsp + 8], rax
  EXPECT_FALSE(stores({0x64, 0xc7, 0x00, 0x0c, 0, 0, 0}));  // mov dword fs:[rax], ENOMEM
  EXPECT_FALSE(stores({0x48, 0x39, 0x07}));                 // cmp [rdi], rax
}

}  // namespace
}  // namespace cw
