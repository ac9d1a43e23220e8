#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "process/allocator_names.h"
#include "process/allocators.h"
#include "process/code_flow.h"
#include "process/link_order.h"
#include "process_child.h"
#include "process_elf_maker.h"

namespace cw {
namespace {

using test::Child;
using test::ElfMaker;
using test::file_of;

// A program that copies its input to its output: it runs once it has answered.
class Copier {
 public:
  explicit Copier(std::vector<std::string> command, const std::string& preload = {}) {
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (::pipe(input.data()) != 0 || ::pipe(output.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(input[0], STDIN_FILENO);
      ::dup2(output[1], STDOUT_FILENO);
      ::unsetenv("LD_PRELOAD");
      if (!preload.empty()) ::setenv("LD_PRELOAD", preload.c_str(), 1);
      std::vector<char*> arguments;
      arguments.reserve(command.size() + 1);
      for (std::string& word : command) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(input[0]);
    ::close(output[1]);
    input_ = Fd(input[1]);
    const Fd answers(output[0]);
    char letter = 'x';
    ready_ = ::write(input_.get(), &letter, 1) == 1 && ::read(answers.get(), &letter, 1) == 1;
  }
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;
  ~Copier() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
  Fd input_;
};

const AllocatorSites* with_reach(const std::vector<AllocatorSites>& all, AllocatorReach reach) {
  const auto found = std::ranges::find(all, reach, &AllocatorSites::reach);
  return found == all.end() ? nullptr : &*found;
}

const ProbeSite* site_named(const AllocatorSites& allocator, std::string_view function) {
  const auto found = std::ranges::find(allocator.sites, function, &ProbeSite::function);
  return found == allocator.sites.end() ? nullptr : &*found;
}

// Every function once, at an emulated instruction inside of it.
void expect_sound(const AllocatorSites& allocator) {
  std::vector<std::uint64_t> entries;
  for (const ProbeSite& site : allocator.sites) {
    SCOPED_TRACE(site.function);
    EXPECT_TRUE(site.emulated) << site.why_entry;
    EXPECT_GE(site.vaddr, site.entry_vaddr);
    EXPECT_LT(site.vaddr, site.entry_vaddr + site.size);
    EXPECT_EQ(site.file_offset - site.entry_offset, site.vaddr - site.entry_vaddr);
    EXPECT_EQ(site.size_in.has_value(), shape_of(site.call).size.has_value());
    ASSERT_TRUE(site.file && *site.file);
    entries.push_back(site.entry_vaddr);
  }
  std::ranges::sort(entries);
  EXPECT_EQ(std::ranges::adjacent_find(entries), entries.end());
}

TEST(Allocators, TheCLibraryWhereNothingElseIs) {
  const Copier copier({"cat"});
  ASSERT_TRUE(copier.ready());
  ElfCache cache;
  ProcessSymbols symbols(copier.pid(), cache);
  const auto all = find_allocator_sites(symbols);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].reach, AllocatorReach::kDefault);
  EXPECT_TRUE(all[0].allocator.starts_with("glibc 2."));
  EXPECT_TRUE(all[0].not_observable.empty());
  expect_sound(all[0]);
  for (const char* name : {"malloc", "calloc", "realloc", "free", "posix_memalign"})
    EXPECT_NE(site_named(all[0], name), nullptr) << name;
  // It only multiplies, and goes on to realloc.
  EXPECT_EQ(site_named(all[0], "reallocarray"), nullptr);
  // realloc(NULL, n) is a jump to malloc, and realloc(p, 0) calls free.
  const ProbeSite* malloc_site = site_named(all[0], "malloc");
  const ProbeSite* realloc_site = site_named(all[0], "realloc");
  const std::uint64_t entry = malloc_site->entry_vaddr + malloc_site->load_bias;
  EXPECT_NE(std::ranges::find(realloc_site->jumps_to, entry), realloc_site->jumps_to.end());
  const ProbeSite* free_site = site_named(all[0], "free");
  const std::uint64_t in_realloc = realloc_site->entry_vaddr + realloc_site->load_bias + 1;
  EXPECT_TRUE(std::ranges::any_of(free_site->nested_in, [&](const AddressRange& range) {
    return range.start <= in_realloc && in_realloc < range.end;
  }));
}

struct Preloaded {
  const char* file;
  const char* allocator;
  std::vector<const char*> counted;
  std::vector<const char*> handed_on;
};

class PreloadedAllocator : public testing::TestWithParam<Preloaded> {};

TEST_P(PreloadedAllocator, TakesOverFromTheCLibrary) {
  const Copier copier({"cat"}, GetParam().file);
  ASSERT_TRUE(copier.ready());
  ElfCache cache;
  ProcessSymbols symbols(copier.pid(), cache);
  const auto all = find_allocator_sites(symbols);
  const AllocatorSites* used = with_reach(all, AllocatorReach::kDefault);
  ASSERT_NE(used, nullptr);
  EXPECT_EQ(used->allocator, GetParam().allocator);
  expect_sound(*used);
  for (const char* name : GetParam().counted) EXPECT_NE(site_named(*used, name), nullptr) << name;
  for (const char* name : GetParam().handed_on) EXPECT_EQ(site_named(*used, name), nullptr) << name;
  const AllocatorSites* shadowed = with_reach(all, AllocatorReach::kShadowed);
  ASSERT_NE(shadowed, nullptr);
  EXPECT_TRUE(shadowed->allocator.starts_with("glibc"));
  EXPECT_TRUE(shadowed->sites.empty());
  ASSERT_EQ(shadowed->not_observable.size(), 1U);
  EXPECT_EQ(all.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Allocators, PreloadedAllocator,
    testing::Values(
        Preloaded{"libjemalloc.so.2",
                  "jemalloc",
                  {"malloc", "free", "mallocx", "rallocx", "sdallocx", "_Znwm", "_ZdlPvm"},
                  {"_Znam", "_ZdlPv", "_ZnwmSt11align_val_t"}},
        Preloaded{"libmimalloc.so.2.0",
                  "mimalloc",
                  {"malloc", "free", "mi_new", "mi_malloc_aligned"},
                  {"mi_free_size", "cfree", "posix_memalign", "mi_posix_memalign", "memalign"}},
        Preloaded{"libtcmalloc_minimal.so.4",
                  "tcmalloc",
                  {"malloc", "free", "tc_new", "tc_free_sized", "memalign"},
                  {"posix_memalign", "valloc"}}),
    [](const auto& test) { return test.param.allocator; });

TEST(Allocators, AStrippedStaticProgramIsNotObservable) {
  const Copier copier({"busybox", "cat"});
  ASSERT_TRUE(copier.ready());
  ElfCache cache;
  ProcessSymbols symbols(copier.pid(), cache);
  const auto all = find_allocator_sites(symbols);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].sites.empty());
  ASSERT_EQ(all[0].not_observable.size(), 1U);
  EXPECT_NE(all[0].not_observable[0].find("stripped"), std::string::npos);
}

const char* const kLate = "libmimalloc.so.2.0";

TEST(Allocators, OneThatIsLoadedLaterIsFoundByLookingAgain) {
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe(go.data()), 0);
  const Child child([&](const Child::Ready& ready) {
    ready(0);
    char letter = 0;
    if (::read(go[0], &letter, 1) == 1) ::dlopen(kLate, RTLD_NOW | RTLD_LOCAL);
  });
  ElfCache cache;
  ProcessSymbols symbols(child.pid(), cache);
  EXPECT_EQ(with_reach(find_allocator_sites(symbols), AllocatorReach::kByHand), nullptr);
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  std::vector<AllocatorSites> all;
  for (int i = 0; i < 50 && with_reach(all, AllocatorReach::kByHand) == nullptr; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    symbols.refresh();
    all = find_allocator_sites(symbols);
  }
  const AllocatorSites* late = with_reach(all, AllocatorReach::kByHand);
  ASSERT_NE(late, nullptr);
  EXPECT_EQ(late->allocator, "mimalloc");
  expect_sound(*late);
  ::close(go[0]);
  ::close(go[1]);
}

// As programs do that want their code on huge pages.
void move_code_of(std::string_view library) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    if (!line.contains(library) || !line.contains("r-xp ")) continue;
    std::istringstream range(line);
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    char dash = 0;
    range >> std::hex >> start >> dash >> end;
    auto* code = reinterpret_cast<void*>(start);  // NOLINT(performance-no-int-to-ptr)
    const std::string copy(static_cast<const char*>(code), end - start);
    constexpr int kInPlace = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    ASSERT_EQ(::mmap(code, copy.size(), PROT_READ | PROT_WRITE, kInPlace, -1, 0), code);
    std::ranges::copy(copy, static_cast<char*>(code));
    ::mprotect(code, copy.size(), PROT_READ | PROT_EXEC);
    return;
  }
}

TEST(Allocators, CodeMovedToOtherMemoryIsNotObservable) {
  const Child child([](const Child::Ready& ready) {
    ::dlopen(kLate, RTLD_NOW | RTLD_LOCAL);
    move_code_of(kLate);
    ready(0);
  });
  ASSERT_TRUE(child.ready());
  ElfCache cache;
  ProcessSymbols symbols(child.pid(), cache);
  const auto all = find_allocator_sites(symbols);
  const auto moved = std::ranges::find(all, "mimalloc", &AllocatorSites::allocator);
  ASSERT_NE(moved, all.end());
  EXPECT_TRUE(moved->sites.empty());
  ASSERT_EQ(moved->not_observable.size(), 1U);
  EXPECT_NE(moved->not_observable[0].find("moved"), std::string::npos);
}

TEST(Allocators, OfAProcessThatIsGoneThereAreNone) {
  Child child([](const Child::Ready& ready) { ready(0); });
  ElfCache cache;
  ProcessSymbols symbols(child.pid(), cache);
  child.end();
  for (const AllocatorSites& allocator : find_allocator_sites(symbols))
    EXPECT_TRUE(allocator.sites.empty());
}

TEST(LinkOrder, PreloadedLibrariesStandBetweenProgramAndNeeded) {
  const Copier copier({"cat"}, kLate);
  ASSERT_TRUE(copier.ready());
  ElfCache cache;
  ProcessSymbols symbols(copier.pid(), cache);
  const auto order = link_order(symbols);
  const auto place_of = [&](std::string_view part) {
    for (const Mapping& mapping : symbols.memory_map().mappings()) {
      if (mapping.path.find(part) == std::string::npos) continue;
      const auto bias = symbols.load_bias(mapping, *symbols.image_of(mapping));
      return std::ranges::find(order, bias.value_or(1)) - order.begin();
    }
    return std::ptrdiff_t{-1};
  };
  EXPECT_EQ(place_of("/cat"), 0);
  EXPECT_LT(place_of("libmimalloc"), place_of("libc.so.6"));
  EXPECT_LT(place_of("libc.so.6"), std::ssize(order));
}

std::shared_ptr<const ElfImage> image_with(std::vector<test::MadeSymbol> symbols) {
  ElfMaker maker;
  maker.symtab = std::move(symbols);
  const Fd file = file_of(maker.make());
  const auto loaded = load_elf(file.get());
  return loaded ? loaded->image : nullptr;
}

TEST(AllocatorNames, PrefixesComeFromTheNamesThemselves) {
  const auto image = image_with({{.name = "own_mallctl", .address = 0x1000, .size = 8},
                                 {.name = "mi_version", .address = 0x1010, .size = 8}});
  ASSERT_TRUE(image);
  const AllocatorNames names(*image);
  EXPECT_EQ(names.standard_names_of(), AllocatorFamily::kMimalloc);
  const auto own = names.call_of("own_mallocx");
  ASSERT_TRUE(own);
  EXPECT_EQ(own->call, AllocCall::kMallocAligned);
  EXPECT_EQ(own->family, AllocatorFamily::kJemalloc);
  EXPECT_TRUE(own->prefixed);
  EXPECT_FALSE(names.call_of("other_malloc"));
  EXPECT_FALSE(names.call_of("own_malloc_stats"));
  EXPECT_EQ(names.call_of("mi_zalloc_aligned")->call, AllocCall::kMallocAligned);
  EXPECT_EQ(names.call_of("_ZdlPvm")->call, AllocCall::kFreeSized);
  EXPECT_EQ(names.call_of("malloc@@GLIBC_2.2.5")->call, AllocCall::kMalloc);
  EXPECT_FALSE(names.call_of("zalloc"));
}

CodeWindow window(std::initializer_list<unsigned> bytes) {
  CodeWindow code{.vaddr = 0x1000, .bytes = {}};
  for (const unsigned byte : bytes) code.bytes.push_back(static_cast<std::byte>(byte));
  return code;
}

bool hands_over(const CodeWindow& code, std::uint64_t to) {
  const auto image = image_with({});
  const ElfImports imports;
  CodeFlow flow(code, *image, imports, {0x1000, to});
  return flow.only_hands_over(
      0x1000, [to](const Destination& destination) { return destination.vaddr == to; });
}

TEST(CodeFlow, AFunctionThatOnlyCallsAnother) {
  // call 0x1100; ret
  EXPECT_TRUE(hands_over(window({0xe8, 0xfb, 0x00, 0x00, 0x00, 0xc3}), 0x1100));
  // test rdi, rdi; je L; jmp 0x1100; L: ret
  EXPECT_TRUE(
      hands_over(window({0x48, 0x85, 0xff, 0x74, 0x05, 0xe9, 0xf6, 0, 0, 0, 0xc3}), 0x1100));
  // jmp elsewhere
  EXPECT_FALSE(hands_over(window({0xe9, 0x00, 0x02, 0x00, 0x00}), 0x1100));
}

TEST(CodeFlow, AFunctionWithAFastPathDoesMore) {
  // test rdi, rdi; je L; jmp 0x1100; L: mov [rsi], rdi; ret
  EXPECT_FALSE(hands_over(
      window({0x48, 0x85, 0xff, 0x74, 0x05, 0xe9, 0xf6, 0, 0, 0, 0x48, 0x89, 0x3e, 0xc3}), 0x1100));
}

TEST(CodeFlow, LandingsFromOutside) {
  // 0x1000: nop nop ret; 0x1003: jmp 0x1001
  const CodeWindow code = window({0x90, 0x90, 0xc3, 0xe9, 0xf9, 0xff, 0xff, 0xff});
  const auto landings = landings_in(code, {{.start = 0x1000, .end = 0x1003}});
  ASSERT_TRUE(landings.contains(0x1000));
  EXPECT_EQ(landings.at(0x1000), std::vector<std::uint64_t>{0x1001});
  EXPECT_TRUE(landings_in(code, {{.start = 0x1000, .end = 0x1008}}).empty());
}

}  // namespace
}  // namespace cw
