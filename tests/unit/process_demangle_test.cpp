#include <gtest/gtest.h>

#include <chrono>

#include "process/demangle.h"

namespace cw {
namespace {

// f(p<p<x, x>, p<x, x> >) and deeper: every level names the one below it twice, the second time by
// a substitution of a few bytes.
std::string doubling(std::size_t levels) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string name = "_Z1f1p";  // S_ is p
  for (std::size_t i = 1; i < levels; ++i) name += "IS_";
  name += "I1xS0_E";  // S0_ is x, S1_ is p<x, x>
  for (std::size_t i = 1; i < levels; ++i) {
    name += 'S';
    name += kDigits[i];
    name += "_E";
  }
  return name;
}

TEST(Demangle, Cpp) {
  EXPECT_EQ(demangle("_ZN6orders6ledgerE"), "orders::ledger");
  EXPECT_EQ(demangle("_ZN6orders3addERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"),
            "orders::add(std::__cxx11::basic_string<char, std::char_traits<char>, "
            "std::allocator<char> > const&)");
  EXPECT_EQ(demangle("_ZL5localv.cold"), "local() [clone .cold]");
}

TEST(Demangle, Rust) {
  EXPECT_EQ(demangle("_ZN3std3sys4sync5Mutex14lock_contended17h0123456789abcdefE"),
            "std::sys::sync::Mutex::lock_contended");
  EXPECT_EQ(demangle("_ZN50_$LT$orders..Ledger$u20$as$u20$core..ops..Drop$GT$4drop"
                     "17h0123456789abcdefE"),
            "<orders::Ledger as core::ops::Drop>::drop");
  EXPECT_EQ(demangle("_RNvC6_123foo3bar"), "123foo::bar");
}

// As compilers wrote them into real programs.
TEST(Demangle, PartsAndSpecialFunctions) {
  EXPECT_EQ(demangle("_ZN3foo3barEv.part.0"), "foo::bar() [clone .part.0]");
  EXPECT_EQ(demangle("_ZN3foo3barEv.isra.0.cold"), "foo::bar() [clone .isra.0] [clone .cold]");
  EXPECT_EQ(demangle("_ZN6LedgerC2Ev"), "Ledger::Ledger()");
  EXPECT_EQ(demangle("_ZN6LedgerD0Ev"), "Ledger::~Ledger()");
  EXPECT_EQ(demangle("_ZZN6orders3runEvENKUlvE0_clEv"),
            "orders::run()::{lambda()#2}::operator()() const");
  EXPECT_EQ(demangle("_ZN4core3ptr24drop_in_place$LT$i64$GT$17h0e65d3be171c6a45E"
                     ".llvm.17321650172939032598"),
            "core::ptr::drop_in_place<i64>");
  EXPECT_EQ(demangle("_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE"),
            "std::rt::lang_start::{{closure}}");
  EXPECT_EQ(demangle("_RINvCs32gj3y4fnmh_4main3runNCNCNvB2_4main00EB2_"),
            "main::run::<main::main::{closure#0}::{closure#0}>");
  EXPECT_EQ(demangle("_RNvXs6_NtNtCsjrHSEGnQ3l9_3std2io5errorNtNtB5_14repr_bitpacked4ReprNtNtCsgEmf"
                     "K2I1SDS_4core3fmt5Debug3fmt"),
            "<std::io::error::repr_bitpacked::Repr as core::fmt::Debug>::fmt");
  EXPECT_EQ(demangle("main.cold"), "main.cold");
}

TEST(Demangle, LeavesOtherNamesAlone) {
  EXPECT_EQ(demangle(""), "");
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("pthread_mutex_lock@@GLIBC_2.2.5"), "pthread_mutex_lock");
  EXPECT_EQ(demangle("_ZN"), "_ZN");
  EXPECT_EQ(demangle("_R"), "_R");
  EXPECT_EQ(demangle("@odd"), "@odd");
  EXPECT_EQ(demangle("puts@plt"), "puts@plt");
  EXPECT_EQ(demangle("_ZN6orders3addEv@plt"), "orders::add()@plt");
  EXPECT_EQ(demangle("@plt"), "@plt");
}

TEST(Demangle, BoundsWhatGoesInAndWhatComesOut) {
  EXPECT_EQ(demangle(std::string(100'000, 'a')).size(), kMaxMangled);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(demangle(doubling(2)), "f(p<p<x, x>, p<x, x> >)");
  EXPECT_EQ(demangle(doubling(30)), doubling(30)) << "2^30 times x";
  EXPECT_LE(demangle("_Z1f" + std::string(4000, 'P') + "i").size(), kMaxDemangled);
  EXPECT_LE(demangle("_Z1f" + std::string(2000, 'F') + "v").size(), kMaxDemangled);
  EXPECT_LE(demangle("_RNvC1a" + std::string(4000, 'N')).size(), kMaxDemangled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Demangle, LongNamesOfTemplates) {
  std::string name = "_Z1fI";
  for (int i = 0; i < 500; ++i) name += "3abc";
  name += "Evv";
  EXPECT_TRUE(demangle(name).starts_with("void f<abc, abc"));
}

}  // namespace
}  // namespace cw
