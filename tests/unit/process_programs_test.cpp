// Names in other programs, wherever they and their files are.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "process/process_symbols.h"
#include "process_child.h"
#include "process_programs.h"

namespace cw {
namespace {

namespace fs = std::filesystem;
using test::kPrograms;

const fs::path kSources = CW_PROGRAM_SOURCES;

// A program started in a file system of its own making, and what it told of itself.
class Program {
 public:
  // `prepare` runs in the child before the program does.
  template <typename Prepare>
  Program(const fs::path& path, const Prepare& prepare) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    child_.emplace([&](const test::Child::Ready& ready) {
      ready(0);
      ::dup2(ends[1], STDOUT_FILENO);
      if (!prepare()) ::_exit(1);
      ::execl(path.c_str(), path.c_str(), nullptr);
      ::_exit(1);
    });
    ::close(ends[1]);
    const Fd reader(ends[0]);
    runs_ = ::read(reader.get(), places_.data(), sizeof places_) == sizeof places_;
  }
  explicit Program(const fs::path& path) : Program(path, [] { return true; }) {}

  [[nodiscard]] bool runs() const { return runs_; }
  [[nodiscard]] std::int32_t pid() const { return child_->pid(); }
  [[nodiscard]] std::uint64_t function() const { return places_[0]; }
  [[nodiscard]] std::uint64_t vdso() const { return places_[1]; }

 private:
  std::optional<test::Child> child_;
  std::array<std::uint64_t, 2> places_{};
  bool runs_ = false;
};

// Its number, from 1.
std::optional<std::uint32_t> line_with(std::string_view text, const fs::path& source) {
  std::ifstream file(source);
  std::string line;
  for (std::uint32_t number = 1; std::getline(file, line); ++number)
    if (line.contains(text)) return number;
  return std::nullopt;
}

class Linked : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Sleeper, Linked,
                         testing::Values("sleeper", "sleeper.no-pie", "sleeper.static",
                                         "sleeper.static-pie", "sleeper.musl"));

TEST_P(Linked, FunctionsVariablesAndLinesAreNamed) {
  const Program program(kPrograms / GetParam());
  ASSERT_TRUE(program.runs());
  ElfCache cache;
  ProcessSymbols symbols(program.pid(), cache);
  const auto stack = test::eventually([&] {
    Stack seen = symbols.symbolize({.frames = {{.address = program.function(), .exact = true}}},
                                   Detail::kLines);
    return seen.frames.front().line ? std::optional(seen) : std::nullopt;
  });
  ASSERT_TRUE(stack);
  const Frame& frame = stack->frames.front();
  EXPECT_EQ(frame.function, "settle_orders");
  EXPECT_EQ(frame.offset, 0U);
  EXPECT_EQ(frame.module, GetParam());
  EXPECT_TRUE(frame.file.value_or("").ends_with("sleeper.c"));
  EXPECT_EQ(frame.line, line_with("orders_settled++", kSources / "sleeper.c"));
}

TEST(Programs, TheKernelsOwnCodeIsNamed) {
  const Program program(kPrograms / "sleeper");
  ASSERT_TRUE(program.runs());
  ElfCache cache;
  ProcessSymbols symbols(program.pid(), cache);
  std::vector<std::string> seen;
  for (std::uint64_t offset = 0; offset < 0x4000; offset += 16) {
    const Frame frame = symbols.frame_at(program.vdso() + offset, false);
    if (frame.module != "[vdso]") break;
    if (!frame.function.empty()) seen.push_back(frame.function);
  }
  EXPECT_TRUE(std::ranges::any_of(seen, [](const std::string& name) {
    return name.ends_with("clock_gettime") || name.ends_with("gettimeofday");
  }));
}

// A root directory with a stripped program in it.
class InChroot : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cw-chroot-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "opt");
    fs::copy_file(kPrograms / "sleeper.stripped", root_ / "opt/sleeper");
  }
  void TearDown() override { fs::remove_all(root_); }

  // Of the child: as root at once, else in a user namespace.
  [[nodiscard]] bool enter() const {
    if (::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0) return false;
    return ::chroot(root_.c_str()) == 0 && ::chdir("/") == 0;
  }
  static Frame frame_of(const Program& program) {
    ElfCache cache;
    return ProcessSymbols(program.pid(), cache).frame_at(program.function(), false);
  }

  fs::path root_;
};

TEST_F(InChroot, DebugFilesAreFoundThere) {
  const Program program("/opt/sleeper", [this] { return enter(); });
  ASSERT_TRUE(program.runs()) << "this takes root, or user namespaces";
  const Frame before = frame_of(program);
  EXPECT_EQ(before.function, "");
  EXPECT_EQ(before.module, "sleeper");
  EXPECT_NE(before.offset, 0U) << "without a name, the place in the file";
  fs::create_directories(root_ / "usr/lib/debug/opt");
  fs::copy_file(kPrograms / "sleeper.debug", root_ / "usr/lib/debug/opt/sleeper.debug");
  EXPECT_EQ(frame_of(program).function, "settle_orders");

  ::setenv("CONTENTIONWATCH_DEBUG_FILES", "none", 1);
  EXPECT_EQ(frame_of(program).function, "");
  ::unsetenv("CONTENTIONWATCH_DEBUG_FILES");
}

TEST_F(InChroot, AReplacedProgramKeepsItsNames) {
  fs::copy_file(kPrograms / "sleeper.static", root_ / "opt/sleeper",
                fs::copy_options::overwrite_existing);
  const Program program("/opt/sleeper", [this] { return enter(); });
  ASSERT_TRUE(program.runs()) << "this takes root, or user namespaces";
  // As packages are upgraded: another file takes the name.
  fs::copy_file(kPrograms / "sleeper.stripped", root_ / "opt/new");
  fs::rename(root_ / "opt/new", root_ / "opt/sleeper");
  EXPECT_EQ(frame_of(program).function, "settle_orders");
}

TEST(Programs, InAMountNamespaceAreNamed) {
  const Program program("/tmp/sleeper", [] {
    const bool root = ::geteuid() == 0;
    if (::unshare(root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    const Fd whole(::open((kPrograms / "sleeper").c_str(), O_RDONLY));
    if (::mount("none", "/tmp", "tmpfs", 0, nullptr) != 0) return false;
    std::error_code error;
    return fs::copy_file("/proc/self/fd/" + std::to_string(whole.get()), "/tmp/sleeper", error);
  });
  ASSERT_TRUE(program.runs()) << "this takes root, or user namespaces";
  ElfCache cache;
  ProcessSymbols symbols(program.pid(), cache);
  EXPECT_EQ(symbols.frame_at(program.function(), false).function, "settle_orders");
}

}  // namespace
}  // namespace cw
