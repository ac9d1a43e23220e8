#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>

#include "process/maps.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::string_view kText =
    "55d0-55e0 r--p 00000000 fe:01 1234                       /usr/bin/or ders\n"
    "55e0-55f0 r-xp 00001000 fe:01 1234                       /usr/bin/or ders (deleted)\n"
    "55f0-5600 rw-p 00000000 00:00 0 \n"
    "5600-5700 rw-p 00000000 00:00 0                          [heap]\n"
    "7f00-7f10 rw-s 00000040 00:19 7                          /dev/shm/x\\012y\n";

TEST(Maps, ParsesWhatTheKernelPrints) {
  const MemoryMap map = MemoryMap::parse(kText);
  ASSERT_EQ(map.mappings().size(), 5U);
  const Mapping* code = map.find(0x55e0);
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->executable);
  EXPECT_FALSE(code->writable);
  EXPECT_TRUE(code->deleted);
  EXPECT_EQ(code->path, "/usr/bin/or ders");
  EXPECT_EQ(code->offset, 0x1000U);
  EXPECT_EQ(code->device_major, 0xfeU);
  EXPECT_EQ(code->inode, 1234U);
  EXPECT_EQ(map.before(*code)->start, 0x55d0U);
  EXPECT_TRUE(map.before(*code)->same_file(*code));
  EXPECT_EQ(map.find(0x55f5)->path, "");
  EXPECT_EQ(map.find(0x5600)->path, "[heap]");
  EXPECT_TRUE(map.find(0x7f0f)->shared);
  EXPECT_EQ(map.find(0x7f0f)->path, "/dev/shm/x\\012y");
}

TEST(Maps, HasNothingOutsideOfMappings) {
  const MemoryMap map = MemoryMap::parse(kText);
  for (const std::uint64_t address : {0x0ULL, 0x55cfULL, 0x5700ULL, 0x7effULL, 0x7f10ULL, ~0ULL})
    EXPECT_EQ(map.find(address), nullptr) << address;
  EXPECT_EQ(map.before(map.mappings().front()), nullptr);
  EXPECT_EQ(MemoryMap().find(0), nullptr);
}

TEST(Maps, LeavesOutLinesThatMakeNoSense) {
  EXPECT_TRUE(MemoryMap::parse("\n\nfoo\n20-10 r-xp 0 0:0 0 x\n10-20 r-x 0 0:0 0\n10-20").empty());
  const MemoryMap overlapping = MemoryMap::parse("10-30 r-xp 0 0:0 0 a\n20-40 r-xp 0 0:0 0 b\n");
  ASSERT_EQ(overlapping.mappings().size(), 1U);
  EXPECT_EQ(overlapping.find(0x25)->path, "a");
}

TEST(Maps, SurvivesRandomDamage) {
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string text(kText);
    for (int i = 0; i < 4; ++i) text[random() % text.size()] = static_cast<char>(random());
    const MemoryMap map =
        MemoryMap::parse(std::string_view(text).substr(0, random() % text.size()));
    for (const Mapping& mapping : map.mappings()) {
      EXPECT_LT(mapping.start, mapping.end);
      EXPECT_EQ(map.find(mapping.start), &mapping);
    }
  }
}

TEST(Maps, KeepsCodeThatWasUnmapped) {
  MemoryMap now = MemoryMap::parse("5600-5700 rw-p 0 0:0 0 [heap]\n");
  now.keep_past(MemoryMap::parse(kText));
  ASSERT_NE(now.find(0x55e8), nullptr);
  EXPECT_TRUE(now.find(0x55e8)->past);
  EXPECT_EQ(now.find(0x55d8), nullptr) << "data needs no keeping";

  MemoryMap taken = MemoryMap::parse("55ef-5700 rw-p 0 0:0 0\n");
  taken.keep_past(MemoryMap::parse(kText));
  EXPECT_EQ(taken.find(0x55e8), nullptr) << "overlaps what is mapped now";
}

TEST(Maps, OfThisProcess) {
  static int variable = 0;
  const Fd process = open_process(::getpid());
  const MemoryMap map = MemoryMap::read(process.get());
  const Mapping* of_variable = map.find(reinterpret_cast<std::uint64_t>(&variable));
  ASSERT_NE(of_variable, nullptr);
  EXPECT_TRUE(of_variable->writable);
  const Mapping* code = map.find(reinterpret_cast<std::uint64_t>(&::getpid));
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->executable);
  EXPECT_TRUE(code->of_file());
  EXPECT_TRUE(MemoryMap::read(-1).empty());
}

}  // namespace
}  // namespace cw
