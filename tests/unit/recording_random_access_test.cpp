// Any interval of a recording, in any order.
#include <gtest/gtest.h>

#include <random>

#include "output/json.h"
#include "recording/random_access_reader.h"
#include "recording_fixtures.h"

namespace cw {
namespace {

constexpr std::size_t kIntervals = 150;  // three streams

// A file that can be changed while it is read.
struct OpenedRecording {
  explicit OpenedRecording(const std::string& file)
      : stream(new std::istringstream(file)),
        reader(RecordingReader::open(std::unique_ptr<std::istream>(stream), "x.cwrec").value()) {}

  std::istringstream* stream;
  RandomAccessReader reader;
};

std::vector<Report> some_reports() {
  test::BusyService service(5, 50);
  std::vector<Report> reports;
  reports.reserve(kIntervals);
  for (std::size_t i = 0; i < kIntervals; ++i) reports.push_back(service.next());
  reports.back().final = true;
  return reports;
}

void expect_same_as(RandomAccessReader& reader, std::uint64_t number, const Report& report) {
  const auto again = reader.at(number);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again, {}), to_json(report, {})) << number;
}

TEST(RandomAccess, GivesAnyIntervalAgain) {
  const std::vector<Report> reports = some_reports();
  OpenedRecording recording(test::recorded(reports));
  ASSERT_EQ(recording.reader.count(), kIntervals);
  EXPECT_FALSE(recording.reader.is_damaged());
  for (const std::uint64_t number : {150U, 1U, 2U, 60U, 61U, 62U, 62U, 61U, 150U, 149U, 120U, 121U})
    expect_same_as(recording.reader, number, reports[number - 1]);
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t number = 1 + random() % kIntervals;
    expect_same_as(recording.reader, number, reports[number - 1]);
  }
}

TEST(RandomAccess, NumbersWhatDamageLeaves) {
  const std::vector<Report> reports = some_reports();
  std::string file = test::recorded(reports);
  const std::size_t middle = test::recorded({reports.begin(), reports.begin() + 70}).size();
  file[middle] = static_cast<char>(file[middle] ^ 0x10);
  OpenedRecording recording(file);
  ASSERT_EQ(recording.reader.count(), 100U);
  EXPECT_TRUE(recording.reader.is_damaged());
  for (const std::uint64_t number : {71U, 70U, 100U, 1U, 72U})
    expect_same_as(recording.reader, number, reports[number <= 70 ? number - 1 : number + 49]);
}

// What is passed over by its checksum is what reading it leaves out.
TEST(RandomAccess, CountsWhatReadingGives) {
  std::vector<Report> reports = some_reports();
  reports.resize(62);
  const std::string file = test::recorded(reports);
  for (std::size_t at = recording::kFileHeaderSize; at < file.size(); at += 997) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    for (const std::string& some : {damaged, file.substr(0, at)}) {
      const OpenedRecording recording(some);
      EXPECT_EQ(recording.reader.count(), test::replayed(some).reports.size()) << at;
    }
  }
}

TEST(RandomAccess, AnotherFileIsNotTakenForIt) {
  const std::vector<Report> reports = some_reports();
  const std::string file = test::recorded(reports);
  OpenedRecording recording(file);
  std::vector<Report> later = reports;
  for (Report& report : later) report.started[3] = '9';
  for (const std::string& changed : {test::recorded(later), file.substr(0, 100), std::string()}) {
    recording.stream->str(changed);
    const auto report = recording.reader.at(3);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().message,
              "interval 3 cannot be read: x.cwrec was changed, or is no work of ours");
    recording.stream->str(file);
    expect_same_as(recording.reader, 3, reports[2]);
  }
}

}  // namespace
}  // namespace cw
