#include <gtest/gtest.h>

#include <random>

#include "analysis/site_weights.h"
#include "analysis_fixtures.h"

namespace cw {
namespace {

using namespace test;

WaitSite wait_site(StackId stack, std::uint64_t waits, std::uint64_t wait_ns) {
  return {.image = kImage,
          .stack = stack,
          .op = kWaitPrivate,
          .value = ValueClass::kTwo,
          .waits = waits,
          .wait_ns = wait_ns,
          .on_own_stack = 0};
}

TEST(SiteWeights, AddUpToWhatTheWordCounted) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    Word word = WordOf{.waits = 1 + random() % 100'000, .each = 1 + random() % 5'000}.make();
    word.wakes = 1 + random() % 1000;
    word.charged_ns = 1 + random() % 1'000'000;
    word.wait_sites.clear();
    for (StackId stack = 1; stack <= 1 + random() % 20; ++stack) {
      word.wait_sites.push_back(wait_site(stack, 1 + random() % 500, 1 + random() % 5000));
      word.wake_sites.push_back({.image = kImage,
                                 .stack = stack,
                                 .op = 0x81,
                                 .wakes = 1 + random() % 500,
                                 .charged_ns = 1 + random() % 5000});
    }
    fit_sites(word);
    std::uint64_t waits = 0;
    std::uint64_t wait_ns = 0;
    std::uint64_t wakes = 0;
    std::uint64_t charged_ns = 0;
    for (const WaitSite& site : word.wait_sites) waits += site.waits, wait_ns += site.wait_ns;
    for (const WakeSite& site : word.wake_sites) wakes += site.wakes, charged_ns += site.charged_ns;
    EXPECT_EQ(waits, word.woken);
    EXPECT_EQ(wait_ns, word.wait_ns);
    EXPECT_EQ(wakes, word.wakes);
    EXPECT_EQ(charged_ns, word.charged_ns);
  }
}

TEST(SiteWeights, ProportionsStay) {
  Word word = WordOf{.waits = 1000, .each = 10}.make();
  word.wait_sites = {wait_site(1, 60, 900), wait_site(2, 20, 300)};
  fit_sites(word);
  EXPECT_EQ(word.wait_sites[0].waits, 750U);
  EXPECT_EQ(word.wait_sites[1].waits, 250U);
  EXPECT_EQ(word.wait_sites[0].wait_ns, 7500U);
}

// All of them or not all is what is asked of them.
TEST(SiteWeights, WaitsOnTheWaitersOwnStackStayAllOrNotAll) {
  for (const std::uint64_t waits : {3U, 7U, 1000U}) {
    Word word = WordOf{.waits = waits, .each = 10}.make();
    word.wait_sites = {wait_site(1, 10, 100), wait_site(2, 10, 100)};
    word.wait_sites[0].on_own_stack = 10;
    word.wait_sites[1].on_own_stack = 9;
    fit_sites(word);
    EXPECT_EQ(word.wait_sites[0].on_own_stack, word.wait_sites[0].waits);
    EXPECT_LT(word.wait_sites[1].on_own_stack, word.wait_sites[1].waits);
  }
}

TEST(SiteWeights, WithoutACountOfTheWordNothingChanges) {
  Word word;
  word.wait_sites = {wait_site(1, 60, 900)};
  fit_sites(word);
  EXPECT_EQ(word.wait_sites[0].waits, 60U);
  Word none = WordOf{.waits = 1000, .each = 10}.make();
  none.wait_sites.clear();
  fit_sites(none);
  EXPECT_TRUE(none.wait_sites.empty());
}

}  // namespace
}  // namespace cw
