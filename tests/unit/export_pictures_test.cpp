// The formats that other programs must accept: pprof's, and pictures.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "export/flamegraph.h"
#include "export/pprof.h"
#include "export_fixtures.h"

namespace cw {
namespace {

using test::profile_of;

std::string output_of(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> part{};
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe))
    text.append(part.data(), got);
  EXPECT_EQ(pclose(pipe), 0) << command << "\n" << text;
  return text;
}

class Pprof : public testing::Test {
 protected:
  ~Pprof() override { std::filesystem::remove(file_); }
  // What the real one reads in it.
  [[nodiscard]] std::string read(const Report& report, const std::string& how,
                                 ProfileOf what = ProfileOf::kLocks) const {
    std::ofstream(file_) << to_pprof(profile_of(report, what));
    return output_of("HOME=" + testing::TempDir() + " go tool pprof " + how + " " + file_ +
                     " 2>&1");
  }

  std::string file_ = testing::TempDir() + "pprof_" + std::to_string(getpid()) + ".pb.gz";
};

TEST_F(Pprof, TellsDelays) {
  const std::string top = read(test::guilty_report(), "-top -sample_index=delay");
  EXPECT_NE(top.find("Type: delay"), std::string::npos) << top;
  EXPECT_NE(top.find("Duration: 5s, Total samples = 13385ms"), std::string::npos) << top;
  EXPECT_TRUE(std::regex_search(top, std::regex(R"(9427\.60ms +70\.43% +orders::lookup\n)")))
      << top;
}

TEST_F(Pprof, TellsContentions) {
  const std::string top = read(test::guilty_report(), "-top -sample_index=contentions");
  EXPECT_NE(top.find("Total samples = 53100"), std::string::npos) << top;
}

TEST_F(Pprof, TellsAllocations) {
  const std::string space = read(test::guilty_report(), "-top -cum", ProfileOf::kAllocations);
  EXPECT_NE(space.find("Type: alloc_space"), std::string::npos) << space;
  EXPECT_TRUE(std::regex_search(space, std::regex(R"(40\.00% +orders::parse\n)"))) << space;
  const std::string objects =
      read(test::guilty_report(), "-top -sample_index=alloc_objects", ProfileOf::kAllocations);
  EXPECT_NE(objects.find("Total samples = 40500"), std::string::npos) << objects;
  const std::string tags = read(test::guilty_report(), "-tags", ProfileOf::kAllocations);
  for (const char* label : {"allocator: Total", "process: Total", "glibc 2.36"})
    EXPECT_NE(tags.find(label), std::string::npos) << label << " in " << tags;
}

TEST_F(Pprof, TellsLocksLinesAndFiles) {
  const std::string tags = read(test::guilty_report(), "-tags");
  for (const char* label :
       {"lock: Total", "kind: Total", "process: Total", "orders::ledger", "rwlock", "orders-api"})
    EXPECT_NE(tags.find(label), std::string::npos) << label << " in " << tags;
  const std::string lines = read(test::guilty_report(), "-top -lines");
  EXPECT_NE(lines.find("orders::lookup src/cache.cpp:41"), std::string::npos) << lines;
  const std::string raw = read(test::guilty_report(), "-raw");
  EXPECT_NE(raw.find("orders"), std::string::npos);
  EXPECT_NE(raw.find("[FN][FL][LN][IN]"), std::string::npos) << raw;
}

TEST_F(Pprof, TellsBuildIds) {
  Report report = test::guilty_report();
  for (Waiters& waiters : report.locks[0].waiters)
    for (Frame& frame : waiters.stack.frames) frame.build_id = "\x0f\xa0\x01";
  const std::string raw = read(report, "-raw");
  EXPECT_NE(raw.find("orders 0fa001 [FN]"), std::string::npos) << raw;
}

TEST_F(Pprof, KeepsInlinedFunctionsAtTheirPlace) {
  Report report = test::guilty_report();
  report.locks.resize(1);
  report.locks[0].waiters.resize(1);
  report.locks[0].waiters[0].stack.frames[1].inlined = true;
  const std::string raw = read(report, "-raw");
  EXPECT_TRUE(std::regex_search(raw, std::regex("orders::lookup src/cache.cpp:41.*\n +clerk")))
      << raw;
}

TEST_F(Pprof, ReadsWhateverTheNames) {
  EXPECT_NE(read(test::hostile_report(), "-top").find("Total samples"), std::string::npos);
  EXPECT_NE(read(test::report_of(0), "-raw").find("delay/nanoseconds"), std::string::npos);
}

TEST(Flamegraph, IsXmlWhateverTheNames) {
  for (const Report& report : {test::guilty_report(), test::hostile_report(), test::report_of(0)})
    for (const ProfileOf what : {ProfileOf::kLocks, ProfileOf::kAllocations})
      EXPECT_TRUE(
          test::accepts("xmllint --noout --nonet -", to_flamegraph(profile_of(report, what))));
  EXPECT_FALSE(test::accepts("xmllint --noout - 2>/dev/null", "<svg><script></svg>"))
      << "it would tell";
}

TEST(Flamegraph, NeedsNothingElse) {
  const std::string svg = to_flamegraph(profile_of(test::hostile_report()));
  for (const char* part : {"href", "src=", "url(", "@import", "innerHTML", "<script>&"})
    EXPECT_EQ(svg.find(part), std::string::npos) << part;
  EXPECT_EQ(svg.find("http"), svg.rfind("http")) << "but for the name space";
}

TEST(Flamegraph, OfAllocationsTellsBytes) {
  const std::string svg = to_flamegraph(profile_of(test::guilty_report(), ProfileOf::kAllocations));
  EXPECT_NE(svg.find("Allocations: about 6.0 MB in 5.0 s"), std::string::npos) << svg;
  EXPECT_NE(svg.find("orders::parse: 2.4 MB, 40 % of all; 28,350 allocations"), std::string::npos)
      << svg;
}

struct Box {
  double x = 0;
  double width = 0;
  double y = 0;
};

Box box_of(const std::string& svg, const std::string& side, const std::string& name) {
  const std::regex box(R"re(data-x="([0-9.]+)" data-w="([0-9.]+)" data-s=")re" + side +
                       R"re(" data-l="\d+" data-n=")re" + name +
                       R"re(".*?<rect x="[0-9.]+" y="([0-9.]+)")re");
  std::smatch found;
  if (!std::regex_search(svg, found, box)) {
    ADD_FAILURE() << side << " " << name << " is not in " << svg;
    return {};
  }
  return {.x = std::stod(found[1]), .width = std::stod(found[2]), .y = std::stod(found[3])};
}

TEST(Flamegraph, HasWaitersAboveTheirLockAndReleasersBelow) {
  Report report = test::guilty_report();
  report.locks.resize(2);
  const std::string svg = to_flamegraph(profile_of(report));
  const Box ledger = box_of(svg, "lock", "mutex orders::ledger \\(orders-api\\)");
  const Box rates = box_of(svg, "lock", "rwlock orders::rates \\(orders-api\\)");
  EXPECT_NEAR(ledger.width, 1200 * 2.548 / 2.675, 0.1);
  EXPECT_NEAR(rates.x, ledger.width, 0.1) << "beside it, after it";
  const Box clerk = box_of(svg, "up", "clerk");
  const Box lookup = box_of(svg, "up", "orders::lookup");
  EXPECT_NEAR(clerk.width, 0.74 * ledger.width, 0.1);
  EXPECT_LT(clerk.y, ledger.y) << "above";
  EXPECT_LT(lookup.y, clerk.y) << "called by it";
  const Box refresh = box_of(svg, "down", "orders::refresh");
  EXPECT_NEAR(refresh.width, 0.61 * ledger.width, 0.1);
  EXPECT_GT(refresh.y, ledger.y) << "below";
}

}  // namespace
}  // namespace cw
