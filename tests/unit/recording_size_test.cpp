// A thousand locks that are all waited for, three times a second on average; a report a second.
// In the environment CW_RECORDED_INTERVALS=3600 makes a longer run, CW_RECORDED_WAITS=10000 shares
// out that many more waits a second, CW_RECORDING=FILE keeps the recording.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "recording_fixtures.h"

namespace cw {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int asked_for(const char* name, int otherwise) {
  const char* const value = std::getenv(name);             // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? otherwise : std::atoi(value);  // NOLINT(cert-err34-c)
}

TEST(RecordingSize, AMinuteOfAThousandLocksIsBelowAMegabyte) {
  const int intervals = asked_for("CW_RECORDED_INTERVALS", 60);
  test::BusyService service(1000, asked_for("CW_RECORDED_WAITS", 2000));
  RecordingWriter writer(test::some_run());
  std::string file = RecordingWriter::begin();
  double writing_s = 0;
  for (int i = 0; i < intervals; ++i) {
    Report report = service.next();
    ASSERT_EQ(report.locks.size(), 1000U);
    report.final = i + 1 == intervals;
    const auto begin = Clock::now();
    file += writer.add(report);
    writing_s += seconds_since(begin);
  }
  const auto begin = Clock::now();
  const test::Replayed again = [&] {
    auto reader = RecordingReader::open(std::make_unique<std::istringstream>(file), "x");
    test::Replayed all;
    std::size_t reports = 0;
    while (reader->next()) ++reports;
    EXPECT_EQ(reports, static_cast<std::size_t>(intervals));
    all.missing = reader->missing();
    return all;
  }();
  const double reading_s = seconds_since(begin);
  EXPECT_EQ(again.missing, "");
  EXPECT_LT(static_cast<double>(file.size()) / intervals, 1e6 / 60);
  std::cout << fmt::format("{:.3} MB a minute; {:.2} ms to write, {:.2} ms to read an interval\n",
                           static_cast<double>(file.size()) * 60 / intervals / 1e6,
                           writing_s * 1e3 / intervals, reading_s * 1e3 / intervals);
  if (const char* const name = std::getenv("CW_RECORDING"))  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(name, std::ios::binary) << file;
}

}  // namespace
}  // namespace cw
