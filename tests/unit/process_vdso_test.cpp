#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstring>

#include "process/proc_files.h"
#include "process/vdso.h"
#include "process_child.h"

namespace cw {
namespace {

TEST(Vdso, IsReadFromAProcess) {
  const test::Child child([](const test::Child::Ready& ready) { ready(0); });
  ASSERT_TRUE(child.ready());
  const Fd process = open_process(child.pid());
  const auto bytes = read_vdso(process.get(), MemoryMap::read(process.get()));
  ASSERT_GE(bytes.size(), 4096U);
  // A forked child's is where ours is, and the same.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  const auto* ours = reinterpret_cast<const std::byte*>(::getauxval(AT_SYSINFO_EHDR));
  ASSERT_NE(ours, nullptr);
  EXPECT_EQ(std::memcmp(bytes.data(), ours, bytes.size()), 0);
}

TEST(Vdso, OfNoProcessIsEmpty) {
  EXPECT_TRUE(read_vdso(-1, MemoryMap()).empty());
  // A mapping that calls itself one, where nothing can be read.
  const Fd process = open_process(::getpid());
  const auto lying = MemoryMap::parse("1000-ffff000 r-xp 00000000 00:00 0 [vdso]\n");
  EXPECT_TRUE(read_vdso(process.get(), lying).empty());
}

}  // namespace
}  // namespace cw
