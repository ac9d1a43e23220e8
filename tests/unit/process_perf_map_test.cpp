#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "process/perf_map.h"
#include "process/process_symbols.h"

namespace cw {
namespace {

namespace fs = std::filesystem;

std::string name_at(const PerfMap& map, std::uint64_t address) {
  const auto function = map.at(address);
  return function ? std::string(function->name) : "";
}

TEST(PerfMap, NamesWhatItsLinesCover) {
  PerfMap map;
  EXPECT_EQ(map.add("1000 20 first\n0x2000 0x10 py::lookup:/srv/a b.py\n3000 1"), 49U);
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(name_at(map, 0xfff), "");
  EXPECT_EQ(name_at(map, 0x1000), "first");
  EXPECT_EQ(name_at(map, 0x101f), "first");
  EXPECT_EQ(name_at(map, 0x1020), "");
  EXPECT_EQ(name_at(map, 0x200f), "py::lookup:/srv/a b.py");
  EXPECT_EQ(map.at(0x2003)->offset, 3U);
  for (const char* nonsense : {"\n", "1\n", "1 2\n", "x 2 f\n", "1 y f\n", "1 0 f\n",
                               "ffffffffffffffff 2 f\n", "-1 2 f\n"})
    map.add(nonsense);
  EXPECT_EQ(map.size(), 2U);
}

// Against the obvious: an array of bytes, painted line by line.
TEST(PerfMap, TheLaterLineIsRight) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    PerfMap map;
    std::array<int, 64> painted{};
    std::array<std::uint64_t, 64> starts{};
    for (int line = 1; line <= 20; ++line) {
      const std::uint64_t start = random() % 60;
      const std::uint64_t size = 1 + random() % (64 - start);
      map.add(fmt::format("{:x} {:x} {}\n", start, size, line));
      for (std::uint64_t at = start; at < start + size; ++at) {
        painted.at(at) = line;
        starts.at(at) = start;
      }
    }
    for (std::uint64_t at = 0; at < 64; ++at) {
      ASSERT_EQ(name_at(map, at), painted.at(at) == 0 ? "" : std::to_string(painted.at(at)));
      if (painted.at(at) != 0) {
        ASSERT_EQ(map.at(at)->offset, at - starts.at(at));
      }
    }
  }
}

TEST(PerfMap, BoundsNames) {
  PerfMap map;
  map.add("10 10 " + std::string(100'000, 'x') + "\n");
  EXPECT_EQ(name_at(map, 0x10).size(), PerfMap::kMaxName);
}

TEST(PerfMap, WhenFullTheLatestStay) {
  PerfMap map;
  std::string lines;
  for (std::size_t i = 0; i <= PerfMap::kMaxFunctions; ++i)
    lines += fmt::format("{:x} 10 f\n", 0x10 * i);
  map.add(lines);
  EXPECT_LE(map.size(), PerfMap::kMaxFunctions);
  EXPECT_EQ(name_at(map, 0x10 * PerfMap::kMaxFunctions), "f");
}

TEST(PerfMap, ScriptsTellTheirPlaces) {
  const ScriptPlace node = script_place("JS:*lookup file:///srv/orders.js:12:7");
  EXPECT_EQ(node.function, "JS:*lookup");
  EXPECT_EQ(node.file, "file:///srv/orders.js");
  EXPECT_EQ(node.line, 12U);
  EXPECT_EQ(script_place("Builtin:ArrayPush").function, "Builtin:ArrayPush");
  EXPECT_EQ(script_place("int Orders::find(java.lang.String)").file, "");
  EXPECT_EQ(script_place("f :1").function, "f :1");
  EXPECT_EQ(script_place("f /a.py:3").line, 3U);
}

// Generated code of this very process.
class Generated : public testing::Test {
 protected:
  void SetUp() override {
    code_ = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(code_, MAP_FAILED);
    fs::remove(path_);
  }
  void TearDown() override {
    ::munmap(code_, 4096);
    fs::remove(path_);
  }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(code_); }
  void write(const std::string& name, std::uint64_t offset) const {
    std::ofstream(path_, std::ios::app) << fmt::format("{:x} 40 {}\n", address() + offset, name);
  }

  void* code_ = nullptr;
  fs::path path_ = fmt::format("/tmp/perf-{}.map", ::getpid());
};

TEST_F(Generated, CodeIsNamed) {
  ElfCache cache;
  ProcessSymbols symbols(::getpid(), cache);
  EXPECT_EQ(symbols.frame_at(address() + 4, false).module, "[jit]");
  EXPECT_EQ(symbols.frame_at(address() + 4, false).function, "");
  write("JS:*lookup /srv/orders.js:12:7", 0);
  EXPECT_TRUE(symbols.refresh());
  const Frame frame = symbols.frame_at(address() + 4, true);
  EXPECT_EQ(frame.function, "JS:*lookup");
  EXPECT_EQ(frame.file, "/srv/orders.js");
  EXPECT_EQ(frame.line, 12U);
  EXPECT_EQ(frame.offset, 4U);
  EXPECT_EQ(frame.module, "[jit]");
  // It grows.
  write("later", 0x40);
  EXPECT_TRUE(symbols.refresh());
  EXPECT_EQ(symbols.frame_at(address() + 0x44, false).function, "later");
  EXPECT_EQ(symbols.frame_at(address() + 4, false).function, "JS:*lookup");
  // It is written anew.
  fs::remove(path_);
  write("anew", 0x40);
  EXPECT_TRUE(symbols.refresh());
  EXPECT_EQ(symbols.frame_at(address() + 0x44, false).function, "anew");
  EXPECT_EQ(symbols.frame_at(address() + 4, false).function, "");
}

TEST_F(Generated, AFileOfSomebodyElseIsNotBelieved) {
  ElfCache cache;
  ProcessSymbols symbols(::getpid(), cache);
  write("true", 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
    EXPECT_EQ(symbols.frame_at(address(), false).function, "");
    ASSERT_EQ(::chown(path_.c_str(), 0, 0), 0);
  }
  fs::rename(path_, path_.string() + ".real");
  fs::create_symlink(path_.string() + ".real", path_);
  EXPECT_TRUE(symbols.refresh());
  EXPECT_EQ(symbols.frame_at(address(), false).function, "") << "anybody may make links in /tmp";
  fs::rename(path_.string() + ".real", path_);
  EXPECT_TRUE(symbols.refresh());
  EXPECT_EQ(symbols.frame_at(address(), false).function, "true");
}

}  // namespace
}  // namespace cw
