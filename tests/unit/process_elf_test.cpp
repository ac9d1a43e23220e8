#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>

#include "process/elf_cache.h"
#include "process/elf_symbols.h"
#include "process_elf_maker.h"

namespace cw {
namespace {

using test::ElfMaker;
using test::file_of;

std::shared_ptr<const ElfImage> loaded(const std::string& bytes) {
  const Fd file = file_of(bytes);
  auto image = load_elf(file.get());
  EXPECT_TRUE(image.has_value()) << image.error().message;
  return image ? image->image : nullptr;
}

std::string function_name(const ElfImage& image, std::uint64_t vaddr) {
  const ElfSymbol* symbol = image.function_at(vaddr);
  return symbol == nullptr ? "" : std::string(image.name_of(*symbol));
}

ElfMaker rich_file() {
  ElfMaker maker;
  maker.symtab = {{.name = "inner", .address = 0x1110, .size = 8},
                  {.name = "outer", .address = 0x1100, .size = 0x40},
                  {.name = "no_size", .address = 0x1200, .size = 0},
                  {.name = "after_no_size", .address = 0x1210, .size = 0x10},
                  {.name = "counter", .address = 0x3010, .size = 8, .type = STT_OBJECT},
                  {.name = "zeroed", .address = 0x3180, .size = 16, .type = STT_OBJECT},
                  {.name = "per_thread", .address = 0x1300, .size = 8, .type = STT_TLS}};
  maker.dynsym = {{.name = "__impl_lock", .address = 0x1000, .size = 0x20},
                  {.name = "lock", .address = 0x1000, .size = 0x20, .binding = STB_WEAK},
                  {.name = "imported_no_size", .address = 0x1280, .size = 0},
                  {.name = "clone", .address = 0x1380, .size = 0x20}};
  maker.comment = std::string("GCC 12\0rustc version 1.80.0\0", 28);
  return maker;
}

TEST(Elf, NeverNamesWhatLiesBehindASymbolsEnd) {
  const auto image = loaded(rich_file().make());
  ASSERT_TRUE(image);
  EXPECT_EQ(function_name(*image, 0x1000), "lock");
  EXPECT_EQ(function_name(*image, 0x101f), "lock");
  EXPECT_EQ(function_name(*image, 0x1020), "");
  EXPECT_EQ(function_name(*image, 0xfff), "");
}

TEST(Elf, FindsTheFunctionAroundAnInnerOne) {
  const auto image = loaded(rich_file().make());
  ASSERT_TRUE(image);
  EXPECT_EQ(function_name(*image, 0x1112), "inner");
  EXPECT_EQ(function_name(*image, 0x1118), "outer");
  EXPECT_EQ(function_name(*image, 0x1140), "");
}

TEST(Elf, GuessesASizeOnlyFromAFullSymbolTable) {
  const auto image = loaded(rich_file().make());
  ASSERT_TRUE(image);
  EXPECT_EQ(function_name(*image, 0x120f), "no_size");
  ASSERT_NE(image->function_at(0x1200), nullptr);
  EXPECT_EQ(image->function_at(0x1200)->guessed_size, 1U);
  EXPECT_EQ(function_name(*image, 0x1210), "after_no_size");
  EXPECT_EQ(function_name(*image, 0x1280), "");
}

TEST(Elf, KnowsVariablesButNotThreadLocalOnes) {
  const auto image = loaded(rich_file().make());
  ASSERT_TRUE(image);
  ASSERT_NE(image->object_at(0x3017), nullptr);
  EXPECT_EQ(image->name_of(*image->object_at(0x3017)), "counter");
  EXPECT_EQ(image->object_at(0x3018), nullptr);
  ASSERT_NE(image->object_at(0x3180), nullptr);
  EXPECT_EQ(image->name_of(*image->object_at(0x3180)), "zeroed");
  EXPECT_EQ(image->object_at(0x1300), nullptr);
}

TEST(Elf, ReadsWhatElseAFileSays) {
  const auto image = loaded(rich_file().make());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->contents().build_id, "abcdefgh");
  EXPECT_EQ(image->contents().soname, "libx.so.1");
  EXPECT_EQ(image->contents().needed, std::vector<std::string>{"libc.so.6"});
  EXPECT_TRUE(image->contents().comment.contains("rustc version"));
  EXPECT_EQ(image->code_address(0x1010), std::optional<std::uint64_t>(0x1010));
  EXPECT_EQ(image->code_address(0x3010), std::nullopt);
  ASSERT_NE(image->segment_at(0x31ff), nullptr);
  EXPECT_EQ(image->segment_at(0x3200), nullptr);
  EXPECT_NE(image->section_named(".text"), nullptr);
  EXPECT_FALSE(image->contents().cut);
}

TEST(Elf, FindsWhereThreadsBegin) {
  ElfMaker maker = rich_file();
  maker.text.replace(0x390, 10, std::string("\x48\x89\xc7\xb8\x3c\0\0\0\x0f\x05", 10));
  const auto image = loaded(maker.make());
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->is_outermost(0x1390));
  EXPECT_FALSE(image->is_outermost(0x1391));
  EXPECT_FALSE(loaded(rich_file().make())->is_outermost(0x1390));
}

TEST(Elf, NamesTheStubsOfCallsToLibraries) {
  const Fd file(::open((std::string(CW_PROGRAMS) + "/ledger.stripped").c_str(), O_RDONLY));
  const auto loaded = load_elf(file.get());
  ASSERT_TRUE(loaded);
  std::vector<std::string> stubs;
  for (const ElfSymbol& symbol : loaded->image->contents().functions) {
    const std::string name(loaded->image->name_of(symbol));
    if (name.ends_with("@plt")) stubs.push_back(name);
    if (name == "abort@plt") {
      EXPECT_EQ(function_name(*loaded->image, symbol.address + 6), name);
    }
  }
  for (const char* call : {"abort@plt", "_ZdlPvm@plt", "_Znwm@plt"})
    EXPECT_EQ(std::ranges::count(stubs, call), 1) << call;
}

TEST(Elf, RefusesWhatIsNoElfFile) {
  EXPECT_FALSE(load_elf(file_of("").get()));
  EXPECT_FALSE(load_elf(file_of("#!/bin/sh\n" + std::string(100, 'x')).get()));
  EXPECT_FALSE(load_elf(Fd(::open("/", O_RDONLY | O_CLOEXEC)).get()));
  EXPECT_FALSE(load_elf(Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)).get()));
  EXPECT_FALSE(load_elf(-1));
}

// Everything a process's file can make us do with it.
void use(const ElfImage& image, std::mt19937& random) {
  std::size_t seen = image.bytes() + image.first_page();
  for (int i = 0; i < 16; ++i) {
    const std::uint64_t address = i % 2 == 0 ? random() % 0x4000 : random() * 0x100000001ULL;
    if (const ElfSymbol* symbol = image.function_at(address)) seen += image.name_of(*symbol).size();
    if (const ElfSymbol* symbol = image.object_at(address)) seen += image.name_of(*symbol).size();
    seen += image.code_address(address).value_or(0) + (image.is_outermost(address) ? 1U : 0U);
  }
  for (const ElfSymbol& symbol : image.contents().functions) seen += image.name_of(symbol).size();
  for (const ElfSymbol& symbol : image.contents().objects) seen += image.name_of(symbol).size();
  EXPECT_NE(seen, 0U);
}

TEST(Elf, SurvivesFilesCutAnywhere) {
  const std::string whole = rich_file().make();
  std::mt19937 random(1);
  int good = 0;
  for (std::size_t length = 0; length < whole.size(); length += length < 512 ? 1 : 7) {
    const auto image = load_elf(file_of(whole.substr(0, length)).get());
    if (!image) continue;
    ++good;
    use(*image->image, random);
  }
  EXPECT_GT(good, 0);
}

TEST(Elf, SurvivesRandomDamage) {
  const std::string whole = rich_file().make();
  std::mt19937 random(2);
  int good = 0;
  for (int round = 0; round < 8000; ++round) {
    std::string damaged = whole;
    const int changes = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < changes; ++i) {
      // Headers, and what follows the code: there the structure is.
      const std::size_t front = random() % 0x120;
      const std::size_t back = 0x3000 + random() % (damaged.size() - 0x3000);
      damaged[random() % 3 == 0 ? front : back] =
          static_cast<char>(random() % 4 == 0 ? 0xff : random());
    }
    const auto image = load_elf(file_of(damaged).get());
    if (!image) continue;
    ++good;
    use(*image->image, random);
  }
  EXPECT_GT(good, 1000);
}

TEST(Elf, SurvivesAHugeSparseFile) {
  std::string bytes = rich_file().make();
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  header.e_shnum = 0;  // "see the size of section 0"
  std::memcpy(bytes.data(), &header, sizeof header);
  const std::uint64_t claimed = 1ULL << 30;
  std::memcpy(bytes.data() + header.e_shoff + offsetof(Elf64_Shdr, sh_size), &claimed,
              sizeof claimed);
  const Fd file = file_of(bytes);
  ASSERT_EQ(::ftruncate(file.get(), off_t{1} << 40), 0);
  EXPECT_FALSE(load_elf(file.get()));
}

TEST(ElfCache, ReadsAFileOnceAndForgetsTheOldest) {
  const std::string bytes = rich_file().make();
  const Fd file = file_of(bytes);
  ASSERT_TRUE(file);
  const auto another = [&file] { return Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3)); };
  ElfCache one(1 << 20, 4);
  const ElfKey key = one.adopt(another()).value_or(ElfKey{});
  EXPECT_NE(key, ElfKey{});
  EXPECT_EQ(one.adopt(another()), key);
  EXPECT_EQ(one.open_files(), 1U);
  EXPECT_NE(one.image(key), nullptr);
  EXPECT_EQ(one.image(key), one.image(key));

  ElfCache small(one.bytes() * 5 / 2, 2);  // room for two images
  std::vector<ElfKey> keys;
  keys.reserve(5);
  for (int i = 0; i < 5; ++i) {
    ElfMaker different = rich_file();
    different.comment += static_cast<char>('a' + i);
    keys.push_back(small.adopt(file_of(different.make())).value_or(ElfKey{}));
    EXPECT_NE(small.image(keys.back()), nullptr);
    EXPECT_LE(small.open_files(), 2U);
    EXPECT_LE(small.bytes(), one.bytes() * 5 / 2);
  }
  EXPECT_FALSE(small.knows(keys.front()));
  EXPECT_EQ(small.image(keys.front()), nullptr);
  EXPECT_NE(small.image(keys.back()), nullptr);
}

TEST(ElfCache, EqualFilesShareOneImage) {
  ElfCache cache;
  const ElfKey first = cache.adopt(file_of(rich_file().make())).value_or(ElfKey{});
  const ElfKey second = cache.adopt(file_of(rich_file().make())).value_or(ElfKey{});
  ASSERT_NE(first, second);
  const auto image = cache.image(first);
  const std::size_t bytes = cache.bytes();
  EXPECT_EQ(cache.image(second), image);
  EXPECT_EQ(cache.bytes(), bytes);

  // The same build-id, other names: a forgery must not name another process's functions.
  ElfMaker forged = rich_file();
  forged.symtab[1].name = "forged";
  const ElfKey third = cache.adopt(file_of(forged.make())).value_or(ElfKey{});
  ASSERT_NE(cache.image(third), nullptr);
  EXPECT_EQ(function_name(*cache.image(third), 0x1100), "forged");
  EXPECT_EQ(function_name(*cache.image(first), 0x1100), "outer");
}

}  // namespace
}  // namespace cw
