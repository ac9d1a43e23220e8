#include "output/format.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "output/layout.h"
#include "output/symbol.h"

namespace cw {
namespace {

TEST(Format, Counts) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(9800), "9,800");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
  EXPECT_EQ(format_plural(1, "wait"), "1 wait");
  EXPECT_EQ(format_plural(2000, "wait"), "2,000 waits");
}

TEST(Format, Durations) {
  EXPECT_EQ(format_duration(0), "0 ns");
  EXPECT_EQ(format_duration(85), "85 ns");
  EXPECT_EQ(format_duration(999.6), "1.0 us");
  EXPECT_EQ(format_duration(260e3), "260 us");
  EXPECT_EQ(format_duration(1.9e6), "1.9 ms");
  EXPECT_EQ(format_duration(999.6e6), "1.0 s");
  EXPECT_EQ(format_duration(5e9), "5.0 s");
  EXPECT_EQ(format_duration(119.6e9), "2 min");
  EXPECT_EQ(format_duration(7380e9), "2 h 3 min");
}

TEST(Format, MeansAndShares) {
  EXPECT_EQ(format_mean(0), "0");
  EXPECT_EQ(format_mean(0.0001), "<0.01");
  EXPECT_EQ(format_mean(0.13), "0.13");
  EXPECT_EQ(format_mean(0.996), "1.0");
  EXPECT_EQ(format_mean(12.71), "12.7");
  EXPECT_EQ(format_mean(1234), "1,234");
  EXPECT_EQ(format_share(0.97), "97 %");
  EXPECT_EQ(format_share(1), "100 %");
  EXPECT_EQ(format_share(0.99999), "99.9 %") << "all but one is not all";
  EXPECT_EQ(format_share(0.004), "0.4 %");
  EXPECT_EQ(format_share(0.00001), "<0.1 %");
  EXPECT_EQ(format_share(0), "0 %");
  EXPECT_EQ(format_rate(9800.4), "9,800");
  EXPECT_EQ(format_rate(4.2), "4.2");
  EXPECT_EQ(format_rate(0.03), "0.03");
}

TEST(Format, NeverSaysNan) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), -1.0}) {
    EXPECT_EQ(format_mean(value), "0");
    EXPECT_EQ(format_share(value), "0 %");
    EXPECT_EQ(format_rate(value), "0");
    EXPECT_EQ(format_duration(value), "0 ns");
  }
}

TEST(Layout, MakesHostileTextHarmless) {
  EXPECT_EQ(printable("orders::ledger"), "orders::ledger");
  EXPECT_EQ(printable("\x1b[2J\n\t"), "\\x1b[2J\\x0a\\x09");
  EXPECT_EQ(printable("a\x7f"), "a\\x7f");
  EXPECT_EQ(printable("\xc3\xa9t\xc3\xa9"), "\xc3\xa9t\xc3\xa9") << "letters stay";
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3") << "not UTF-8";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xc2\x9b[2J"), "\\xc2\\x9b[2J") << "a control of its own: CSI";
  EXPECT_EQ(printable("\xef\xbf\xbf"), "\\xef\\xbf\\xbf") << "no character";
  EXPECT_EQ(printable(std::string("\xe2") + "\x80\xae"), "\\xe2\\x80\\xae")
      << "turns the text around";
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Layout, CutsByColumnsAndNotInsideACharacter) {
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdefg", 6), "abc...");
  EXPECT_EQ(cut_front("abcdefg", 6), "...efg");
  EXPECT_EQ(cut("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4), "\xc3\xa9...");
  EXPECT_EQ(columns("\xe6\xbc\xa2"), 2U) << "wide";
  EXPECT_EQ(cut("\xe6\xbc\xa2\xe6\xbc\xa2", 3), "\xe6\xbc\xa2");
  EXPECT_EQ(pad("ab", 4), "ab  ");
  EXPECT_EQ(pad_left("ab", 4), "  ab");
  EXPECT_EQ(pad("abcdef", 4), "a...");
}

TEST(Layout, Wraps) {
  EXPECT_TRUE(wrap("", 10).empty());
  EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("a verylongwordindeed b", 8), (std::vector<std::string>{"a", "veryl...", "b"}));
}

TEST(ShortSymbol, LeavesWhatTells) {
  using Shortened = std::pair<const char*, const char*>;
  const std::vector<Shortened> cases = {
      {"main", "main"},
      {"", ""},
      {"orders::lookup(int, char const*)", "orders::lookup"},
      {"orders::Cache::get(int) const", "orders::Cache::get"},
      {"void std::vector<int, std::allocator<int> >::push_back(int const&)",
       "std::vector<>::push_back"},
      {"std::map<std::string, std::vector<int>>::find(std::string const&)", "std::map<>::find"},
      {"void run<true>(Options const&) [clone .cold]", "run<>"},
      {"(anonymous namespace)::refresh(int)", "(anonymous namespace)::refresh"},
      {"main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()"},
      {"serve(int)::{lambda()#1}::operator()() const", "serve()::{lambda()#1}::operator()"},
      {"bool operator< <int>(A<int> const&, A<int> const&)", "operator<<>"},
      {"std::ostream& operator<<(std::ostream&, A const&)", "operator<<"},
      {"Ptr<int>::operator->() const", "Ptr<>::operator->"},
      {"operator new(unsigned long)", "operator new"},
      {"Money::operator bool() const", "Money::operator bool"},
      {"<orders::Ledger as core::ops::drop::Drop>::drop",
       "<orders::Ledger as core::ops::drop::Drop>::drop"},
      {"orders::ledger::settle::h0123456789abcdef", "orders::ledger::settle"},
      {"main.(*Server).serve", "main.(*Server).serve"},
      {"broken<int", "broken<int"},
      {"std::function<void (int)>::operator()(int) const", "std::function<>::operator()"},
  };
  for (const auto& [symbol, expected] : cases) EXPECT_EQ(short_symbol(symbol), expected) << symbol;
}

TEST(ShortSymbol, OfRustLeavesOutWhatTypesAreMadeOf) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"main::run::<main::main::{closure#0}>", "main::run"},
      {"<u8 as core::fmt::Display>::fmt", "<u8 as core::fmt::Display>::fmt"},
      {"<alloc::vec::Vec<(A, B)> as core::ops::drop::Drop>::drop",
       "<alloc::vec::Vec<> as core::ops::drop::Drop>::drop"},
      {"core::fmt::num::<impl core::fmt::UpperHex for i8>::fmt",
       "core::fmt::num::<impl core::fmt::UpperHex for i8>::fmt"},
      {"core::ptr::drop_in_place<alloc::string::String>", "core::ptr::drop_in_place<>"},
      {"std::rt::lang_start::{{closure}}", "std::rt::lang_start::{{closure}}"},
      {"<[T]>::sort::<F>", "<[T]>::sort"},
  };
  for (const auto& [symbol, expected] : cases) EXPECT_EQ(short_symbol(symbol), expected) << symbol;
}

TEST(SourceLine, IsTheFilesNameAndTheLineAsFarAsKnown) {
  Frame frame{};
  frame.line = 41;
  EXPECT_EQ(source_line(frame), "");
  frame.file = "/build/orders/cache.cpp";
  EXPECT_EQ(source_line(frame), "cache.cpp:41");
  frame.line.reset();
  EXPECT_EQ(source_line(frame), "cache.cpp");
}

TEST(ShortSymbol, OfAPartOfAFunctionIsTheFunctions) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"main.cold", "main"},
      {"find_order.part.0", "find_order"},
      {"find_order.constprop.3.isra.0.cold", "find_order"},
      {"orders::find() [clone .isra.0] [clone .cold]", "orders::find"},
      {"main.partition", "main.partition"},  // Go
      {".cold", ".cold"},
  };
  for (const auto& [symbol, expected] : cases) EXPECT_EQ(short_symbol(symbol), expected) << symbol;
}

// Whatever comes: no crash, no endless loop, never longer.
TEST(ShortSymbol, SurvivesAnything) {
  const std::string alphabet = "<>(){}: &*-operator,~[]";
  std::uint32_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string symbol;
    for (int i = 0; i < 24; ++i) {
      state = state * 1664525U + 1013904223U;
      symbol += alphabet[(state >> 16U) % alphabet.size()];
    }
    EXPECT_LE(short_symbol(symbol).size(), symbol.size()) << symbol;
  }
}

}  // namespace
}  // namespace cw
