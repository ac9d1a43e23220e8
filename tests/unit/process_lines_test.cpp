#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "process/demangle.h"
#include "process/dwarf_lines.h"
#include "process/elf_cache.h"
#include "process/elf_file.h"
#include "process/line_messages.h"
#include "process/line_reader.h"
#include "process/process_symbols.h"
#include "process_child.h"
#include "process_programs.h"

// Not in the unnamed namespace: their names are part of the tests.
// NOLINTBEGIN(misc-use-internal-linkage)
volatile int looked_at;
constexpr unsigned kInnermostLine = __LINE__ + 2;
[[gnu::always_inline]] inline int innermost() {
  return looked_at / 3;
}
[[gnu::always_inline]] inline int middle() {
  return innermost() + 1;
}
[[gnu::noinline]] int inlined_twice();
int inlined_twice() {
  const auto plus = [](int value) __attribute__((always_inline)) { return middle() + value; };
  return plus(2);
}
// NOLINTEND(misc-use-internal-linkage)

namespace cw {
namespace {

// An instruction about to run, alone.
WalkedStack one_frame(std::uint64_t address) {
  return {.frames = {{.address = address, .exact = true}}};
}

namespace fs = std::filesystem;
using test::kPrograms;
using test::open_file;

// As addr2line writes it: two lines a frame.
struct Answer {
  std::string function;
  std::string place;
};

std::string place_of(const std::string& file, std::uint32_t line) {
  const std::string path = file.empty() ? "??" : fs::path(file).lexically_normal().string();
  return path + ":" + (line == 0 ? "?" : std::to_string(line));
}

// "dir/../file.cpp:12 (discriminator 3)"
std::string normal(const std::string& text) {
  const auto colon = text.rfind(':');
  const std::string line = text.substr(colon + 1, text.find(' ', colon) - colon - 1);
  const std::string file = text.substr(0, colon);
  return (file == "??" ? file : fs::path(file).lexically_normal().string()) + ":" +
         (line == "0" ? "?" : line);
}

std::vector<std::vector<Answer>> ask_addr2line(const fs::path& program,
                                               const std::vector<std::uint64_t>& addresses) {
  const fs::path list = fs::temp_directory_path() / fmt::format("cw-addresses-{}", ::getpid());
  std::ofstream out(list);
  for (const std::uint64_t address : addresses) out << fmt::format("{:#x}\n", address);
  out.close();
  const std::string command =
      fmt::format("addr2line -a -f -i -e {} < {}", program.string(), list.string());
  std::vector<std::vector<Answer>> answers;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"),
                                                             ::pclose);
  std::vector<char> buffer(1 << 16);
  const auto next = [&]() -> std::string {
    if (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) == nullptr)
      return "";
    std::string line = buffer.data();
    line.resize(line.find('\n'));
    return line;
  };
  for (std::string line = next(); !line.empty();) {
    EXPECT_TRUE(line.starts_with("0x"));
    answers.emplace_back();
    for (line = next(); !line.empty() && !line.starts_with("0x"); line = next())
      answers.back().push_back({.function = demangle(line), .place = normal(next())});
  }
  fs::remove(list);
  return answers;
}

std::vector<std::uint64_t> addresses_in(const fs::path& program, std::size_t count) {
  const Fd file = open_file(program);
  const auto loaded = load_elf(file.get());
  EXPECT_TRUE(loaded.has_value());
  std::vector<std::uint64_t> addresses;
  std::mt19937 random(3);
  const auto& functions = loaded->image->contents().functions;
  for (std::size_t i = 0; i < count; ++i) {
    const ElfSymbol& function = functions.at(random() % functions.size());
    addresses.push_back(function.address + random() % function.size);
  }
  return addresses;
}

struct Agreement {
  std::size_t frames = 0;
  std::size_t functions = 0;
  std::size_t places = 0;
};

// The answers for a program, as the observer gets them.
class Lines {
 public:
  explicit Lines(const fs::path& program)
      : key_(cache_.adopt(open_file(program)).value_or(ElfKey{})), image_(cache_.image(key_)) {
    EXPECT_NE(image_, nullptr);
  }

  SourceFrames at(std::uint64_t vaddr) {
    return test::eventually([&] { return cache_.lines_at(key_, vaddr); }).value_or(SourceFrames());
  }
  std::string symbol_at(std::uint64_t vaddr) {
    const ElfSymbol* symbol = image_->function_at(vaddr);
    return symbol == nullptr ? "" : demangle(image_->name_of(*symbol));
  }

 private:
  ElfCache cache_;
  ElfKey key_;
  std::shared_ptr<const ElfImage> image_;
};

// addr2line takes the symbol table's name for the first or last frame where DWARF has a short one,
// and the whole function's for its cold part.
bool same_function(const SourceFrame& ours, bool at_an_end, const std::string& symbol,
                   const std::string& theirs) {
  return demangle(ours.function) == theirs ||
         (at_an_end &&
          symbol.substr(0, symbol.find(" [clone")) == theirs.substr(0, theirs.find(" [clone")));
}

// How many of addr2line's frames we have, too.
Agreement compare(const fs::path& program, std::size_t count) {
  const auto addresses = addresses_in(program, count);
  const auto answers = ask_addr2line(program, addresses);
  EXPECT_EQ(answers.size(), addresses.size());
  Lines lines(program);
  Agreement agreement;
  int shown = 0;
  for (std::size_t i = 0; i < std::min(answers.size(), addresses.size()); ++i) {
    if (answers[i].back().place.ends_with(":?")) continue;  // no DWARF for it
    const SourceFrames ours = lines.at(addresses[i]);
    for (std::size_t k = 0; k < answers[i].size(); ++k) {
      const auto& [function, place] = answers[i][k];
      const SourceFrame frame = k < ours.size() ? ours[k] : SourceFrame();
      const bool agreed = same_function(frame, k == 0 || k + 1 == ours.size(),
                                        lines.symbol_at(addresses[i]), function);
      const bool placed = place_of(frame.file, frame.line) == place;
      ++agreement.frames;
      agreement.functions += agreed ? 1 : 0;
      agreement.places += placed ? 1 : 0;
      if (!(agreed && placed) && ++shown <= 20)
        fmt::print("{:#x} frame {}: {} {}\n    addr2line: {} {}\n", addresses[i], k,
                   demangle(frame.function), place_of(frame.file, frame.line), function, place);
    }
  }
  return agreement;
}

TEST(DwarfLines, AgreeWithAddr2line) {
  for (const fs::path& program : {kPrograms / "ledger.dwarf4", fs::path("/proc/self/exe")}) {
    const Agreement agreement = compare(fs::canonical(program), 4000);
    fmt::print("{}: {} frames, {} functions and {} places agree\n", program.string(),
               agreement.frames, agreement.functions, agreement.places);
    EXPECT_GT(agreement.frames, 1000U);
    EXPECT_GE(agreement.functions * 100, agreement.frames * 99);
    EXPECT_GE(agreement.places * 100, agreement.frames * 99);
  }
}

TEST(DwarfLines, AreTheSameWhereverTheyAre) {
  const auto addresses = addresses_in(kPrograms / "ledger", 1000);
  Lines lines(kPrograms / "ledger.dwarf4");
  std::size_t inlined = 0;
  for (const char* other : {"ledger", "ledger.debug", "ledger.packed"}) {
    Lines others(kPrograms / other);
    for (const std::uint64_t address : addresses) {
      const SourceFrames frames = lines.at(address);
      inlined += frames.size() > 1 ? 1 : 0;
      ASSERT_EQ(frames.size(), others.at(address).size()) << other;
      for (std::size_t i = 0; i < frames.size(); ++i) {
        const SourceFrame frame = others.at(address)[i];
        EXPECT_EQ(frame.function, frames[i].function) << other;
        EXPECT_EQ(place_of(frame.file, frame.line), place_of(frames[i].file, frames[i].line));
      }
    }
  }
  EXPECT_GT(inlined, 500U);
}

TEST(DwarfLines, AStackShowsWhatIsInlined) {
  ElfCache cache;
  ProcessSymbols symbols(::getpid(), cache);
  const auto address = reinterpret_cast<std::uint64_t>(&inlined_twice);
  bool seen = false;
  for (std::uint64_t offset = 0; offset < 512 && !seen; ++offset) {
    const Stack stack = symbols.symbolize(one_frame(address + offset), Detail::kLines);
    seen = stack.frames.size() == 4;
    if (!seen) continue;
    // With or without "()", as much debug information as there is.
    const auto is = [](const Frame& frame, const std::string& name) {
      return frame.function == name || frame.function == name + "()";
    };
    EXPECT_TRUE(is(stack.frames[0], "innermost"));
    EXPECT_TRUE(is(stack.frames[1], "middle"));
    EXPECT_EQ(stack.frames[2].function, "{lambda}::operator()");
    EXPECT_EQ(stack.frames[3].function, "inlined_twice()");
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(stack.frames[i].inlined, i < 3);
    for (const Frame& frame : stack.frames) {
      EXPECT_TRUE(frame.file.value_or("").ends_with("process_lines_test.cpp"));
      EXPECT_EQ(frame.module, "unit_process");
    }
    EXPECT_EQ(stack.frames[0].line, kInnermostLine);
    EXPECT_EQ(stack.frames[1].line, kInnermostLine + 3);
    EXPECT_EQ(symbols.symbolize(one_frame(address + offset)).frames.size(), 1U);
  }
  EXPECT_TRUE(seen);
}

TEST(LineReader, SurvivesAFileCutWhileItIsRead) {
  const fs::path copy = fs::temp_directory_path() / fmt::format("cw-cut-{}", ::getpid());
  fs::copy_file(kPrograms / "ledger", copy);
  const auto addresses = addresses_in(copy, 50);
  LineReader reader;
  const Fd file = open_file(copy);
  const Fd whole = open_file(kPrograms / "ledger");
  EXPECT_TRUE(test::eventually([&] { return reader.at(1, file.get(), -1, addresses[0]); }));
  fs::resize_file(copy, 4096);
  for (const std::uint64_t address : addresses)
    EXPECT_TRUE(test::eventually([&] { return reader.at(1, file.get(), -1, address); }));
  // Others' lines are read on.
  std::size_t known = 0;
  for (const std::uint64_t address : addresses)
    known += test::eventually([&] { return reader.at(2, whole.get(), -1, address); })->size();
  EXPECT_GT(known, 20U);
  fs::remove(copy);
}

TEST(LineReader, DoesNotWaitLong) {
  LineReader impatient(std::chrono::milliseconds(0));
  const auto addresses = addresses_in("/proc/self/exe", 20);
  const Fd file = open_file("/proc/self/exe");
  // Whether the answer is there at once is up to the machine; that it comes is not.
  static_cast<void>(impatient.at(1, file.get(), -1, addresses[0]));
  EXPECT_NE(impatient.process(), 0);
  EXPECT_TRUE(test::eventually([&] { return impatient.at(1, file.get(), -1, addresses[0]); }));
}

TEST(LineReader, OfWhatIsNoElfFileKnowsNothing) {
  LineReader reader;
  const Fd text = open_file("/proc/self/status");
  const auto frames = test::eventually([&] { return reader.at(1, text.get(), -1, 0x1000); });
  ASSERT_TRUE(frames);
  EXPECT_TRUE(frames->empty());
}

TEST(LineReader, BelievesNoAnswer) {
  const LineReply reply{.sequence = 7,
                        .frames = {{.function = "f", .file = "a.c", .line = 1},
                                   {.function = "", .file = "", .line = 0}}};
  const std::string message = encode(reply);
  ASSERT_TRUE(decode(message));
  EXPECT_EQ(decode(message)->frames, reply.frames);
  EXPECT_EQ(decode(message)->sequence, 7U);
  for (std::size_t length = 0; length < message.size(); ++length) {
    const auto cut = decode(std::string_view(message).substr(0, length));
    EXPECT_TRUE(!cut || cut->frames.size() < 2);
  }
  std::string lying = message;
  lying[12] = '\xff';  // the length of the first function's name
  EXPECT_FALSE(decode(lying));
  LineReply large{.sequence = 8, .frames = SourceFrames(kMaxInlined + 1)};
  for (SourceFrame& frame : large.frames) frame.function = std::string(4096, 'x');
  large.frames.back().function = "outermost";
  EXPECT_LE(encode(large).size(), kMaxLineReply);
  ASSERT_TRUE(decode(encode(large)));
  EXPECT_EQ(decode(encode(large))->frames.back().function, "outermost");
}

}  // namespace
}  // namespace cw
