#include "process/go_locks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <map>
#include <span>

#include "process/instruction.h"
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
      EXPECT_GE(site.arguments, 16U);
      EXPECT_EQ(site.arguments % 8, 0U);
    }
  }
  EXPECT_EQ(count[GoPlace::kWaits], 1);
  EXPECT_GE(count[GoPlace::kGoesOn], 1);
  EXPECT_EQ(count[GoPlace::kWakes], 1);
}

TEST(GoLocks, OtherProgramsHaveNone) {
  const GoSites sites = sites_in("ledger");
  EXPECT_TRUE(sites.sites.empty());
  EXPECT_NE(sites.why_none, "");
}

}  // namespace
}  // namespace cw
