#include <execinfo.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <semaphore>

#include "process/process_symbols.h"
#include "process/runtimes.h"
#include "process/waiting_threads.h"
#include "process_child.h"

// Not in the unnamed namespace: their names are part of the tests.
// NOLINTBEGIN(misc-use-internal-linkage,readability-identifier-naming)
namespace orders {
struct Ledger {
  std::array<std::uint64_t, 1000> head;
  std::uint64_t tail;
};
Ledger ledger;            // .bss
std::uint64_t limit = 7;  // .data
extern const std::uint64_t kFee;
const std::uint64_t kFee = 3;  // .rodata
static std::array<std::uint64_t, 4> hidden;

[[gnu::noinline]] std::vector<std::uint64_t> where_am_i(int depth);
std::vector<std::uint64_t> where_am_i(int depth) {
  if (depth > 0) {
    auto deeper = where_am_i(depth - 1);
    deeper.reserve(1);  // no tail call
    return deeper;
  }
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  std::vector<std::uint64_t> addresses;
  addresses.reserve(frames.size());
  for (int i = 0; i < count; ++i)
    addresses.push_back(reinterpret_cast<std::uint64_t>(frames.at(static_cast<std::size_t>(i))));
  return addresses;
}
}  // namespace orders

#ifdef __x86_64__
// `bill` calls `settle`, which goes on into `pay` by a jump, and then `pay` itself.
extern "C" const char bill_after_settle[];
extern "C" const char bill_after_pay[];
extern "C" const char pay[];
asm(R"(
  .pushsection .text
  .globl pay
  .type pay, %function
pay:
  nop
  ret
  .size pay, .-pay
  .type settle, %function
settle:
  nop
  jmp pay
  .size settle, .-settle
  .globl bill_after_settle, bill_after_pay
  .type bill, %function
bill:
  call settle
bill_after_settle:
  call pay
bill_after_pay:
  ret
  .size bill, .-bill
  .popsection
)");
#endif
// NOLINTEND(misc-use-internal-linkage,readability-identifier-naming)

namespace cw {
namespace {

using test::Child;
using test::eventually;

template <typename Object>
std::uint64_t address_of(const Object* object) {
  return reinterpret_cast<std::uint64_t>(object);
}
std::uint64_t code_of_where_am_i() {
  return reinterpret_cast<std::uint64_t>(&orders::where_am_i);
}

// As the probes hand over what they walked without knowing where it ends.
WalkedStack walked(const std::vector<std::uint64_t>& addresses) {
  WalkedStack stack;
  for (const std::uint64_t address : addresses) stack.frames.push_back({.address = address});
  return stack;
}

struct Self {
  ElfCache cache;
  ProcessSymbols symbols{::getpid(), cache};
};

TEST(ProcessSymbols, NamesFunctions) {
  Self self;
  const Frame entry = self.symbols.frame_at(code_of_where_am_i(), false);
  EXPECT_EQ(entry.function, "orders::where_am_i(int)");
  EXPECT_EQ(entry.module, "unit_process");
  EXPECT_EQ(entry.offset, 0U);
  const Frame inside = self.symbols.frame_at(code_of_where_am_i() + 9, true);
  EXPECT_EQ(inside.function, "orders::where_am_i(int)");
  EXPECT_EQ(inside.offset, 9U);
  // The return address of a call that ends a function belongs to that function, not to the next.
  EXPECT_NE(self.symbols.frame_at(code_of_where_am_i(), true).function, "orders::where_am_i(int)");
}

TEST(ProcessSymbols, NamesExportedFunctionsOfLibraries) {
  Self self;
  const auto address = reinterpret_cast<std::uint64_t>(&::pthread_mutex_trylock);
  const Frame frame = self.symbols.frame_at(address + 4, false);
  EXPECT_EQ(frame.function, "pthread_mutex_trylock");
  EXPECT_EQ(frame.module, "libc.so.6");
  EXPECT_EQ(frame.offset, 4U);
}

TEST(ProcessSymbols, StacksOfTheFirstThreadAreComplete) {
  Self self;
  const Stack stack = self.symbols.symbolize(walked(orders::where_am_i(2)));
  ASSERT_GE(stack.frames.size(), 6U);
  EXPECT_TRUE(stack.complete) << stack.frames.back().function << " in "
                              << stack.frames.back().module;
  const auto ours = std::ranges::count(stack.frames, "orders::where_am_i(int)", &Frame::function);
  EXPECT_EQ(ours, 3);
  EXPECT_EQ(std::ranges::count(stack.frames, "main", &Frame::function), 1);
}

TEST(ProcessSymbols, StacksOfOtherThreadsAreComplete) {
  std::vector<std::uint64_t> addresses;
  std::thread([&addresses] { addresses = orders::where_am_i(0); }).join();
  Self self;
  const Stack stack = self.symbols.symbolize(walked(addresses));
  EXPECT_TRUE(stack.complete) << stack.frames.back().function << "+" << stack.frames.back().offset;

  addresses.pop_back();
  addresses.pop_back();
  EXPECT_FALSE(self.symbols.symbolize(walked(addresses)).complete) << "its beginning was cut off";
}

TEST(ProcessSymbols, GarbageEndsAStack) {
  Self self;
  auto addresses = orders::where_am_i(0);
  const std::size_t whole = addresses.size();
  addresses.insert(addresses.begin() + 2, address_of(&orders::ledger));
  const Stack stack = self.symbols.symbolize(walked(addresses));
  EXPECT_EQ(std::ranges::count(stack.frames, false, &Frame::inferred), 2);
  EXPECT_FALSE(stack.complete);
  EXPECT_GT(whole, 2U);
  EXPECT_TRUE(self.symbols.symbolize(walked({})).frames.empty());
  EXPECT_TRUE(self.symbols.symbolize(walked({0, ~0ULL})).frames.empty());
}

#ifdef __x86_64__
TEST(ProcessSymbols, WhatWentOnByAJumpIsPutBack) {
  Self self;
  const auto functions_in = [&](const char* return_address) {
    WalkedStack stack;
    stack.frames = {{.address = address_of(pay), .exact = true},
                    {.address = address_of(return_address)}};
    std::vector<std::pair<std::string, bool>> functions;
    for (const Frame& frame : self.symbols.symbolize(stack).frames)
      functions.emplace_back(frame.function, frame.inferred);
    return functions;
  };
  using Functions = std::vector<std::pair<std::string, bool>>;
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(functions_in(bill_after_settle),
              (Functions{{"pay", false}, {"settle", true}, {"bill", false}}));
    EXPECT_EQ(functions_in(bill_after_pay), (Functions{{"pay", false}, {"bill", false}}));
  }
}
#endif

TEST(ProcessSymbols, NamesVariables) {
  Self self;
  const ObjectName ledger = self.symbols.object_at(address_of(&orders::ledger));
  EXPECT_EQ(ledger.name, "orders::ledger");
  EXPECT_TRUE(ledger.object.starts_with("bss unit_process+0x")) << ledger.object;
  EXPECT_EQ(self.symbols.object_at(address_of(&orders::ledger.tail)).name, "orders::ledger+0x1f40");
  orders::hidden[1] = 1;
  EXPECT_EQ(self.symbols.object_at(address_of(&orders::hidden[1])).name, "orders::hidden+0x8");
  const ObjectName limit = self.symbols.object_at(address_of(&orders::limit));
  EXPECT_EQ(limit.name, "orders::limit");
  EXPECT_TRUE(limit.object.starts_with("data unit_process+0x")) << limit.object;
  EXPECT_TRUE(self.symbols.object_at(address_of(&orders::kFee)).object.starts_with("rodata "));
}

TEST(ProcessSymbols, SaysWhatKindOfMemoryItIs) {
  Self self;
  const ObjectName own_stack = self.symbols.object_at(address_of(__builtin_frame_address(0)));
  EXPECT_EQ(own_stack.object, "stack of " + std::to_string(::getpid()));
  const auto on_heap = std::make_unique<int>(1);
  EXPECT_EQ(self.symbols.object_at(address_of(on_heap.get())).object, "heap");
  EXPECT_EQ(self.symbols.object_at(0x10).object, "unmapped");
}

TEST(ProcessSymbols, FindsTheThreadWhoseStackItIs) {
  ElfCache cache;
  std::binary_semaphore started(0);
  std::binary_semaphore over(0);
  std::int32_t tid = 0;
  std::uint64_t address = 0;
  const std::jthread sleeper([&] {
    tid = ::gettid();
    address = address_of(__builtin_frame_address(0));
    started.release();
    over.acquire();
  });
  started.acquire();
  EXPECT_TRUE(eventually([&] { return blocked_call(::getpid(), tid).has_value(); }));
  ProcessSymbols symbols(::getpid(), cache);
  EXPECT_EQ(symbols.object_at(address).object, "stack of " + std::to_string(tid));
  over.release();
}

TEST(ProcessSymbols, NamesSharedMemoryByItsFile) {
  const Fd file(::memfd_create("ring", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), 8192), 0);
  void* memory = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  Self self;
  EXPECT_EQ(self.symbols.object_at(address_of(memory) + 0x1040).object,
            "shared /memfd:ring+0x1040");
  ::munmap(memory, 8192);
}

TEST(ProcessSymbols, SeesWhatIsMappedLater) {
  Self self;
  void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  EXPECT_TRUE(self.symbols.refresh());
  EXPECT_NE(self.symbols.object_at(address_of(memory)).object, "unmapped");
  ::munmap(memory, 4096);
  EXPECT_TRUE(self.symbols.refresh());
  EXPECT_EQ(self.symbols.object_at(address_of(memory)).object, "unmapped");
}

TEST(ProcessSymbols, KeepsNamesAfterTheProcessEnded) {
  ElfCache cache;
  Child child([](const Child::Ready& ready) { ready(0); });
  ASSERT_TRUE(child.ready());
  ProcessSymbols symbols(child.pid(), cache);
  child.end();
  EXPECT_FALSE(symbols.refresh());
  // A forked child has its code where we have it.
  EXPECT_EQ(symbols.frame_at(code_of_where_am_i(), false).function, "orders::where_am_i(int)");
  EXPECT_EQ(symbols.object_at(address_of(&orders::ledger)).name, "orders::ledger");
}

TEST(ProcessSymbols, NoticesAnotherProgram) {
  ElfCache cache;
  const Child child([](const Child::Ready& ready) {
    ready(0);
    ::usleep(200'000);
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  ASSERT_TRUE(child.ready());
  ProcessSymbols symbols(child.pid(), cache);
  EXPECT_TRUE(symbols.refresh());
  EXPECT_TRUE(eventually([&symbols] { return !symbols.refresh(); }));
  EXPECT_EQ(symbols.frame_at(code_of_where_am_i(), false).function, "orders::where_am_i(int)");
}

// A copy of this program, started by the test below, only tells where its code is.
constexpr const char* kTellVariable = "CW_TEST_TELL_ADDRESS_TO";

[[gnu::constructor]] void tell_address_when_asked() {
  const char* descriptor = std::getenv(kTellVariable);
  if (descriptor == nullptr) return;
  const std::uint64_t address = code_of_where_am_i();
  if (::write(static_cast<int>(std::strtol(descriptor, nullptr, 10)), &address, sizeof address) !=
      sizeof address)
    ::_exit(1);
  for (;;) ::pause();
}

TEST(ProcessSymbols, ReadsAProgramWhoseFileIsGone) {
  const std::filesystem::path copy =
      std::filesystem::temp_directory_path() / ("cw-deleted-" + std::to_string(::getpid()));
  std::filesystem::copy_file("/proc/self/exe", copy);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Child child([&](const Child::Ready& ready) {
    ::setenv(kTellVariable, std::to_string(ends[1]).c_str(), 1);
    ready(0);
    ::execl(copy.c_str(), "copy", nullptr);
  });
  std::uint64_t address = 0;
  ASSERT_EQ(::read(ends[0], &address, sizeof address), ssize_t{sizeof address});
  std::filesystem::remove(copy);
  ::close(ends[0]);
  ::close(ends[1]);

  ElfCache cache;
  ProcessSymbols symbols(child.pid(), cache);
  const Frame frame = symbols.frame_at(address, false);
  EXPECT_EQ(frame.module, copy.filename());
  EXPECT_EQ(frame.function, "orders::where_am_i(int)");
}

TEST(ProcessSymbols, OfNoProcessIsEmpty) {
  ElfCache cache;
  ProcessSymbols symbols(-1, cache);
  EXPECT_FALSE(symbols.refresh());
  EXPECT_TRUE(symbols.frame_at(code_of_where_am_i(), false).function.empty());
  EXPECT_EQ(symbols.object_at(address_of(&orders::ledger)).object, "unmapped");
}

TEST(Runtimes, OfThisProcess) {
  Self self;
  const Runtimes found = runtimes_of(self.symbols);
  EXPECT_EQ(std::ranges::count(found.languages, "C++"), 1);
  EXPECT_EQ(std::ranges::count(found.languages, "Rust"), 0);
  EXPECT_EQ(std::ranges::count(found.languages, "Go"), 0);
  const std::string glibc =
      "glibc " + std::to_string(__GLIBC__) + "." + std::to_string(__GLIBC_MINOR__);
  EXPECT_EQ(std::ranges::count(found.languages, glibc), 1);
  EXPECT_EQ(found.allocators, std::vector<std::string>{glibc});
}

}  // namespace
}  // namespace cw
