#include <gtest/gtest.h>
#include <unistd.h>

#include "process/return_probes.h"

namespace cw {
namespace {

std::string status(const std::string& seccomp, const std::string& features) {
  return "Name:\tSeccomp:\t2\nNoNewPrivs:\t0\nSeccomp:\t" + seccomp +
         "\nSeccomp_filters:\t0\nx86_Thread_features:\t" + features +
         "\nx86_Thread_features_locked:\t\n";
}

TEST(ReturnProbes, NotWhereSeccompFilters) {
  EXPECT_EQ(why_no_return_probes(status("0", ""), 6, 18), "");
  EXPECT_TRUE(why_no_return_probes(status("2", ""), 6, 18).contains("seccomp"));
  EXPECT_TRUE(why_no_return_probes(status("1", ""), 6, 1).contains("seccomp"));
}

TEST(ReturnProbes, NotWhereAShadowStackWouldDisagree) {
  EXPECT_TRUE(why_no_return_probes(status("0", "shstk wrss"), 6, 10).contains("shadow stack"));
  EXPECT_EQ(why_no_return_probes(status("0", "shstk"), 6, 11), "");
}

TEST(ReturnProbes, AProcessThatIsGoneHasNothingToLookAt) {
  EXPECT_EQ(why_no_return_probes("", 6, 18), "");
}

}  // namespace
}  // namespace cw
