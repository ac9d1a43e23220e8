#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "process/debug_files.h"
#include "process/elf_cache.h"
#include "process/elf_file.h"
#include "process/mini_debug.h"
#include "process_child.h"
#include "process_programs.h"

namespace cw {
namespace {

namespace fs = std::filesystem;
using test::kPrograms;
using test::open_file;

constexpr const char* kSettle = "_ZN6orders6Ledger6settleEm";  // not exported

bool names_settle(const ElfImage& image) {
  return std::ranges::any_of(image.contents().functions, [&image](const ElfSymbol& symbol) {
    return image.name_of(symbol) == kSettle;
  });
}

bool names_settle_in(const fs::path& path, const FindDebugFile& find = {}) {
  const Fd file = open_file(path);
  const auto loaded = load_elf(file.get(), find);
  EXPECT_TRUE(loaded.has_value()) << path;
  return loaded && names_settle(*loaded->image);
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// A file system of a process, in a directory of its own.
class DebugFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cw-root-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "opt/bin/.debug");
    root_file_ = open_file(root_);
    const Fd program = open_file(kPrograms / "ledger.stripped");
    const auto loaded = load_elf(program.get());
    ASSERT_TRUE(loaded);
    contents_ = loaded->image->contents();
    ASSERT_EQ(contents_.build_id.size(), 20U);
    const std::string id = hex(contents_.build_id);
    by_build_id_ =
        fs::path("usr/lib/debug/.build-id") / id.substr(0, 2) / (id.substr(2) + ".debug");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const fs::path& file, const fs::path& where) const {
    fs::create_directories((root_ / where).parent_path());
    fs::copy_file(kPrograms / file, root_ / where, fs::copy_options::overwrite_existing);
  }
  [[nodiscard]] DebugFile find() const {
    return find_debug_file(contents_, {.root = root_file_.get(), .directory = "/opt/bin"});
  }

  fs::path root_;
  fs::path by_build_id_;
  Fd root_file_;
  ElfContents contents_;
};

TEST_F(DebugFiles, AreFoundByBuildId) {
  EXPECT_FALSE(find().file);
  put("ledger.debug", by_build_id_);
  EXPECT_TRUE(find().file);
  EXPECT_FALSE(names_settle_in(kPrograms / "ledger.stripped"));
  EXPECT_TRUE(names_settle_in(kPrograms / "ledger.stripped",
                              [this](const ElfContents&) { return find(); }));
}

TEST_F(DebugFiles, MustHaveTheBuildIdTheyAreNamedFor) {
  fs::create_directories((root_ / by_build_id_).parent_path());
  fs::copy_file("/proc/self/exe", root_ / by_build_id_);
  EXPECT_FALSE(find().file);
}

TEST_F(DebugFiles, AreFoundByLink) {
  for (const char* where : {"opt/bin/ledger.debug", "opt/bin/.debug/ledger.debug",
                            "usr/lib/debug/opt/bin/ledger.debug"}) {
    EXPECT_FALSE(find().file) << where;
    put("ledger.debug", where);
    EXPECT_TRUE(find().file) << where;
    // Another file of that name has another checksum.
    std::ofstream(root_ / where, std::ios::app) << 'x';
    EXPECT_FALSE(find().file) << where;
    fs::remove(root_ / where);
  }
}

TEST_F(DebugFiles, LinksLeadNowhereElse) {
  put("ledger.debug", "ledger.debug");
  contents_.debug_link = "../../ledger.debug";
  EXPECT_FALSE(find().file);
  // A symbolic link is followed as the process would: its root is the top.
  contents_.debug_link = "ledger.debug";
  fs::create_symlink("/ledger.debug", root_ / "opt/bin/ledger.debug");
  EXPECT_TRUE(find().file);
  fs::remove(root_ / "opt/bin/ledger.debug");
  fs::create_symlink(kPrograms / "ledger.debug", root_ / "opt/bin/ledger.debug");
  EXPECT_FALSE(find().file);
}

TEST_F(DebugFiles, StayWithTheImage) {
  ElfCache cache;
  put("ledger.debug", by_build_id_);
  const auto key = cache.adopt(open_file(kPrograms / "ledger.stripped")).value_or(ElfKey{});
  const auto image = cache.image(key, [this](const ElfContents&) { return find(); });
  ASSERT_NE(image, nullptr);
  EXPECT_TRUE(names_settle(*image));
  EXPECT_FALSE(image->has_lines());
  EXPECT_EQ(cache.open_files(), 2U);
  EXPECT_EQ(image->section_named(".symtab"), nullptr) << "still a stripped program";
}

// A server is a directory, too, for libdebuginfod.
TEST_F(DebugFiles, AreFetchedWhenTheEnvironmentNamesServers) {
  const fs::path served = root_ / "served/buildid" / hex(contents_.build_id);
  fs::create_directories(served);
  fs::copy_file(kPrograms / "ledger.debug", served / "debuginfo");
  ::setenv("DEBUGINFOD_CACHE_PATH", (root_ / "cache").c_str(), 1);
  const auto none = [](const ElfContents&) { return DebugFile(); };
  {
    ElfCache cache;
    const auto key = cache.adopt(open_file(kPrograms / "ledger.stripped")).value_or(ElfKey{});
    EXPECT_FALSE(names_settle(*cache.image(key, none))) << "no servers are named";
  }
  ::setenv("DEBUGINFOD_URLS", ("file://" + (root_ / "served").string()).c_str(), 1);
  {
    ElfCache cache;
    const auto key = cache.adopt(open_file(kPrograms / "ledger.stripped")).value_or(ElfKey{});
    EXPECT_TRUE(test::eventually([&] { return names_settle(*cache.image(key, none)); }))
        << "this takes libdebuginfod.so.1";
  }
  ::setenv("CONTENTIONWATCH_DEBUG_FILES", "none", 1);
  {
    ElfCache cache;
    const auto key = cache.adopt(open_file(kPrograms / "ledger.stripped")).value_or(ElfKey{});
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(names_settle(*cache.image(key, none)));
      ::usleep(5000);
    }
  }
  for (const char* name :
       {"CONTENTIONWATCH_DEBUG_FILES", "DEBUGINFOD_URLS", "DEBUGINFOD_CACHE_PATH"})
    ::unsetenv(name);
}

TEST(MiniDebug, NamesWhatIsNotExported) {
  EXPECT_TRUE(names_settle_in(kPrograms / "ledger.mini"));
  EXPECT_FALSE(names_settle_in(kPrograms / "ledger.stripped"));
}

TEST(MiniDebug, DamagedOrTooLargeIsNothing) {
  EXPECT_TRUE(unpack_mini_debug("").empty());
  EXPECT_TRUE(unpack_mini_debug("no xz").empty());
  std::ifstream file(kPrograms / "ledger.names.xz", std::ios::binary);
  std::string packed(std::istreambuf_iterator<char>(file), {});
  ASSERT_FALSE(packed.empty());
  EXPECT_FALSE(unpack_mini_debug(packed).empty());
  for (std::size_t length = 0; length < packed.size(); length += 5)
    EXPECT_TRUE(unpack_mini_debug(packed.substr(0, length)).empty());
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] + 1);
  EXPECT_TRUE(unpack_mini_debug(packed).empty()) << "its checksum is wrong";
}

}  // namespace
}  // namespace cw
