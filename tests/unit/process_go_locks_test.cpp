#include "process/go_locks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "process/instruction.h"
#include "process/memory_file.h"
#include "process/probe_placement.h"
#include "process_programs.h"

namespace cw {
namespace {

using test::kPrograms;
using test::open_file;

GoSites sites_in(const char* program) {
  auto file = std::make_shared<const Fd>(open_file(kPrograms / program));
  const auto loaded = load_elf(file->get());
  EXPECT_TRUE(loaded.has_value()) << program;
  return loaded ? find_go_sites(*loaded->image, std::move(file)) : GoSites();
}

std::array<std::byte, 6> bytes_at(const GoSites& sites, const GoSite& site) {
  std::array<std::byte, 6> bytes{};
  EXPECT_EQ(
      ::pread(sites.file->get(), bytes.data(), bytes.size(), static_cast<off_t>(site.file_offset)),
      static_cast<ssize_t>(bytes.size()));
  return bytes;
}

class GoLocks : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Linked, GoLocks,
                         testing::Values("ledger-go", "ledger-go.stripped", "ledger-go.pie",
                                         "ledger-go.external"));

// Each on an instruction that the kernel emulates; a wait's are calls.
TEST_P(GoLocks, SitesAreWhereGoroutinesWaitAndWake) {
  constexpr std::byte kCall{0xe8};
  const GoSites sites = sites_in(GetParam());
  EXPECT_EQ(sites.why_none, "");
  std::map<GoPlace, int> count;
  Decoder decoder;
  for (const GoSite& site : sites.sites) {
    ++count[site.place];
    const auto bytes = bytes_at(sites, site);
    const auto instruction = decoder.decode(bytes, 0);
    ASSERT_TRUE(instruction);
    EXPECT_TRUE(is_emulated(std::span(bytes).first(instruction->length)));
    EXPECT_EQ(bytes[0] == kCall, site.place != GoPlace::kWakes);
    if (site.place == GoPlace::kWaits) {
      for (const std::uint32_t offset : {site.kept_at & 0xffffU, site.kept_at >> 16U}) {
        EXPECT_GE(offset, 16U);
        EXPECT_EQ(offset % 8, 0U);
      }
      EXPECT_EQ((site.kept_at >> 16U) - (site.kept_at & 0xffffU), 16U) << "next but one";
    }
  }
  EXPECT_EQ(count[GoPlace::kWaits], 1);
  EXPECT_GE(count[GoPlace::kGoesOn], 1);
  EXPECT_EQ(count[GoPlace::kWakes], 1);
}

// A program of four functions, made by hand: semacquire1 keeps its first argument as `keep` says.
GoSites sites_of_code(std::string_view keep) {
  using namespace std::string_literals;
  using namespace std::string_view_literals;
  constexpr std::uint64_t kStart = 0x401000;
  std::string code =
      "\x49\x3b\x66\x10\x76\x40"  // cmp rsp, [r14+0x10]; jbe
      "\x48\x83\xec\x50"          // sub rsp, 0x50
      "\x48\x89\x4c\x24\x68"s;    // mov [rsp+0x68], rcx
  code += keep;
  const std::size_t waits = code.size();
  code += "\xe8\0\0\0\0\xe8\0\0\0\0\xc3"sv;  // call; call; ret
  const std::size_t size = code.size();
  const auto call = [&](std::size_t at, std::size_t to) {
    const auto distance = static_cast<std::int32_t>(to - (at + 5));
    std::memcpy(&code[at + 1], &distance, sizeof distance);
  };
  call(waits, size);
  call(waits + 5, size + 1);
  code += "\xc3\xc3\x49\x3b\x66\x10\x76\x02\xc3\xc3"sv;
  ElfContents contents;
  const auto add = [&](const char* name, std::size_t at, std::size_t length) {
    contents.functions.push_back({.address = kStart + at,
                                  .size = static_cast<std::uint32_t>(length),
                                  .name = static_cast<std::uint32_t>(contents.names.size())});
    contents.names.append(name).push_back('\0');
  };
  add("runtime.semacquire1", 0, size);
  add("runtime.acquireSudog", size, 1);
  add("runtime.releaseSudog", size + 1, 1);
  add("sync.runtime_Semrelease", size + 2, 8);
  contents.segments.push_back({.offset = 0,
                               .file_size = code.size(),
                               .address = kStart,
                               .memory_size = code.size(),
                               .executable = true});
  return find_go_sites(ElfImage(std::move(contents)),
                       std::make_shared<const Fd>(file_in_memory(code)));
}

std::uint32_t address_kept_at(const GoSites& sites) {
  const auto waits = std::ranges::find(sites.sites, GoPlace::kWaits, &GoSite::place);
  return waits == sites.sites.end() ? 0 : waits->kept_at & 0xffffU;
}

// Where its caller left room for it, or, with inlining turned off, in a variable.
TEST(GoLocks, AnArgumentIsFoundWhereItIsKept) {
  EXPECT_EQ(address_kept_at(sites_of_code("\x48\x89\x44\x24\x58")), 0x58U);
  EXPECT_EQ(address_kept_at(sites_of_code("\x48\x89\x44\x24\x40")), 0x40U);
}

TEST(GoLocks, WhatMayBeSomethingElseIsNoArgument) {
  const GoSites changed = sites_of_code("\x48\x89\xd0\x48\x89\x44\x24\x40");  // mov rax, rdx
  EXPECT_TRUE(changed.sites.empty());
  EXPECT_NE(changed.why_none, "");
  EXPECT_TRUE(sites_of_code("").sites.empty()) << "it is not kept";
}

TEST(GoLocks, OtherProgramsHaveNone) {
  const GoSites sites = sites_in("ledger");
  EXPECT_TRUE(sites.sites.empty());
  EXPECT_NE(sites.why_none, "");
}

}  // namespace
}  // namespace cw
