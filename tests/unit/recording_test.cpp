// What is recorded comes back, and a file that is not what it should be does no harm.
#include <gtest/gtest.h>

#include <limits>

#include "output/json.h"
#include "output/text.h"
#include "recording_fixtures.h"

namespace cw {
namespace {

std::string all_of(const Report& report) {
  return to_json(report, {.with_waits = true}) + to_text(report, {.with_waits = true});
}

void expect_same(const std::vector<Report>& reports) {
  const test::Replayed again = test::replayed(test::recorded(reports));
  ASSERT_EQ(again.reports.size(), reports.size()) << again.missing;
  for (std::size_t i = 0; i < reports.size(); ++i)
    EXPECT_EQ(all_of(again.reports[i]), all_of(reports[i]));
}

std::vector<Report> reports_of_a_run(std::size_t count) {
  std::vector<Report> reports;
  for (std::size_t i = 0; i < count; ++i) {
    reports.push_back(i % 2 == 0 ? test::guilty_report() : test::allocating_report());
    reports.back().interval = i + 1;
    reports.back().final = i + 1 == count;
    reports.back().locks[0].waits = 1000 * i;
    reports.back().verdict.cleared.push_back("interval " + std::to_string(i));
  }
  return reports;
}

TEST(Recording, GivesTheSameReports) {
  Report strange = test::guilty_report();
  LockReport& lock = strange.locks[0];
  lock.name = std::string("a\0b\x01 12 \xff\xfe", 10);
  lock.arithmetic = "007 \x01 12";
  lock.advice = {"00", "99999999999999999999999999999999999 x 1", "", "5"};
  lock.waits = std::numeric_limits<std::uint64_t>::max();
  lock.wait = {};
  lock.waits_per_s = -0.0;
  lock.waiters_mean = 1e300;
  lock.busy_share = 1e-300;
  lock.runnable_mean = 1.0 / 3;
  lock.busy_share_bounds = {0.25, std::numeric_limits<double>::infinity()};
  lock.waiters[0].stack.frames[0].inferred = true;
  lock.waiters[0].stack.frames[1].guessed = true;
  lock.waiters[0].stack.frames.push_back({});
  lock.waiters.push_back({});
  strange.locks[1].pids = {1, -7, 4'194'304};
  strange.interval_s = 0;
  strange.final = true;
  strange.idle_waits.objects = {{LockKind::kCondvar, 7}, {LockKind::kEventcount, 1}};
  strange.deadlocks = {{.cycle = {{.pid = 1,
                                   .tid = 2,
                                   .comm = "a",
                                   .kind = LockKind::kRwlock,
                                   .name = "n",
                                   .has_symbol = true,
                                   .waits_for = 3,
                                   .held_by = 4,
                                   .waiting_ns = 5,
                                   .at_least = true,
                                   .stack = test::stack_of({{"f"}})}}}};
  strange.waits = {test::rates()};
  expect_same({test::guilty_report(), test::healthy_report(), test::allocating_report(), strange});
  expect_same({Report()});
}

TEST(Recording, GivesLongRunsAndManyLocks) {
  test::BusyService service(20, 200);
  std::vector<Report> reports;
  reports.reserve(130);
  for (int i = 0; i < 130; ++i) reports.push_back(service.next());  // streams begin anew in between
  reports.back().final = true;
  expect_same(reports);
  EXPECT_EQ(test::replayed(test::recorded(reports)).missing, "");
}

TEST(Recording, CanBeMovedWhileItIsMade) {
  RecordingWriter first(test::some_run());
  std::string file = RecordingWriter::begin() + first.add(test::guilty_report());
  RecordingWriter second = std::move(first);
  file += second.add(test::healthy_report());
  EXPECT_EQ(test::replayed(file).reports.size(), 2U);
}

TEST(Recording, KnowsItsRun) {
  const test::Replayed again = test::replayed(test::recorded({test::healthy_report()}));
  EXPECT_EQ(again.run.version, "0.1.0");
  EXPECT_EQ(again.run.top_n, 10U);
  EXPECT_TRUE(again.run.with_pid);
  EXPECT_FALSE(again.run.with_waits);
  EXPECT_EQ(again.run.watched, "pid=4242");
}

TEST(Recording, KeepsWhatNoFormatShows) {
  Report report = test::healthy_report();
  LockReport& lock = report.locks[0];
  lock.sections =
      SectionsReport{.acquisitions_per_s = Estimate{.estimate = 3, .low = 2, .high = 4},
                     .bounds_only = true,
                     .threads = 5,
                     .contended_share = 0.5,
                     .read_share = 0.25,
                     .hold = lock.wait,
                     .hold_mean_ns = Estimate{.estimate = 30, .low = 20, .high = 40},
                     .utilisation = 0.75,
                     .ceiling_per_s = 1e6,
                     .ceiling_threads = 4,
                     .holders = {{.share = 1,
                                  .share_interval = Estimate{.estimate = 1, .low = 0.5, .high = 1},
                                  .acquisitions_per_s = 3,
                                  .hold = lock.wait,
                                  .stack = {}}},
                     .what_if = {{.change = "half the critical section",
                                  .predicted_per_s = 7,
                                  .low = 6,
                                  .high = 8,
                                  .assumes = "nothing else"}}};
  lock.waiters[0].stack.own = 3;
  lock.waiters[0].stack.frames[0].build_id = "\x01\x02";
  report.fidelity.sections_overhead_pct = 0.5;
  report.fidelity.sections_hit_ns = 700;
  report.allocators[0].cores = 0.25;
  const auto again = test::replayed(test::recorded({report})).reports;
  ASSERT_EQ(again.size(), 1U);
  ASSERT_TRUE(again[0].locks[0].sections);
  const SectionsReport sections = again[0].locks[0].sections.value_or(SectionsReport());
  const Distribution hold = sections.hold.value_or(Distribution());
  EXPECT_EQ(sections.acquisitions_per_s.value_or(Estimate()).high, 4);
  EXPECT_TRUE(sections.bounds_only);
  EXPECT_EQ(sections.contended_share, 0.5);
  EXPECT_EQ(sections.read_share, 0.25);
  EXPECT_EQ(hold.sum_ns, lock.wait.sum_ns);
  EXPECT_EQ(hold.histogram, lock.wait.histogram);
  EXPECT_EQ(sections.utilisation, 0.75);
  EXPECT_EQ(sections.ceiling_per_s, 1e6);
  EXPECT_EQ(sections.holders.at(0).acquisitions_per_s, 3);
  EXPECT_EQ(sections.holders.at(0).share_interval.value_or(Estimate{}).low, 0.5);
  EXPECT_EQ(sections.what_if.at(0).change, "half the critical section");
  EXPECT_EQ(sections.what_if.at(0).assumes, "nothing else");
  EXPECT_EQ(again[0].locks[0].waiters[0].stack.own, 3U);
  EXPECT_EQ(again[0].locks[0].waiters[0].stack.frames[0].build_id, "\x01\x02");
  EXPECT_EQ(again[0].fidelity.sections_overhead_pct, 0.5);
  EXPECT_EQ(again[0].fidelity.sections_hit_ns, 700);
  EXPECT_EQ(again[0].allocators[0].cores, 0.25);
}

TEST(Recording, CutOffAnywhereGivesWhatIsWhole) {
  const auto reports = reports_of_a_run(3);
  const std::string file = test::recorded(reports);
  std::vector<std::size_t> ends = {recording::kFileHeaderSize};
  for (std::size_t count = 1; count <= reports.size(); ++count)
    ends.push_back(
        test::recorded({reports.begin(), reports.begin() + static_cast<std::ptrdiff_t>(count)})
            .size());
  ASSERT_EQ(ends.back(), file.size());
  for (std::size_t size = recording::kFileHeaderSize; size < file.size(); ++size) {
    const test::Replayed again = test::replayed(file.substr(0, size));
    const auto whole = std::ranges::upper_bound(ends, size) - ends.begin() - 1;
    ASSERT_EQ(again.reports.size(), static_cast<std::size_t>(whole)) << size;
    ASSERT_NE(again.missing, "") << size;
  }
  EXPECT_EQ(test::replayed(file.substr(0, file.size() - 1)).missing,
            "x.cwrec is cut off after interval 2");
  EXPECT_EQ(test::replayed(file.substr(0, ends[2])).missing,
            "x.cwrec ends after interval 2, without the last report of its run");
}

TEST(Recording, DamageCostsNoMoreThanItsStream) {
  const auto reports = reports_of_a_run(150);
  const std::string file = test::recorded(reports);
  const std::size_t middle = test::recorded({reports.begin(), reports.begin() + 70}).size();
  for (const std::size_t at : {middle, middle + 5, middle + recording::kBlockHeaderSize + 7}) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const test::Replayed again = test::replayed(damaged);
    EXPECT_EQ(again.missing, "x.cwrec is damaged after interval 70: 50 intervals are missing");
    ASSERT_EQ(again.reports.size(), 100U);
    EXPECT_EQ(all_of(again.reports[70]), all_of(reports[120]));
  }
}

TEST(Recording, AnyDamageIsSaid) {
  const auto reports = reports_of_a_run(4);
  const std::string file = test::recorded(reports);
  for (std::size_t at = recording::kFileHeaderSize; at < file.size(); ++at) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    const test::Replayed again = test::replayed(damaged);
    ASSERT_NE(again.missing, "") << at;
    ASSERT_LT(again.reports.size(), 4U) << at;
    for (std::size_t i = 0; i < again.reports.size(); ++i)
      ASSERT_EQ(again.reports[i].interval, i + 1);
  }
}

// With checksums that are right: as somebody would who means harm.
TEST(Recording, ContentThatMakesNoSenseIsDamage) {
  recording::Encoder encoder;
  const std::string plain = encoder.encode(test::some_run(), test::guilty_report());
  for (std::size_t at = 0; at < plain.size(); at += 11) {
    for (const char flipped : {'\x01', '\x80'}) {
      std::string changed = plain;
      changed[at] = static_cast<char>(changed[at] ^ flipped);
      recording::Packer packer;
      const std::string stored = packer.pack(changed);
      const std::string file =
          RecordingWriter::begin() +
          recording::written({.flags = recording::kBegins,
                              .stored = static_cast<std::uint32_t>(stored.size()),
                              .plain = static_cast<std::uint32_t>(changed.size()),
                              .checksum = recording::checksum_of(stored)}) +
          stored;
      for (const Report& report : test::replayed(file).reports) EXPECT_NE(all_of(report), "");
    }
  }
}

TEST(Recording, OtherFilesAreToldFromIt) {
  EXPECT_EQ(test::replayed("").missing, "x.cwrec is not a recording of contentionwatch");
  EXPECT_EQ(test::replayed("{\"schema\": \"contentionwatch.report/1\"}").missing,
            "x.cwrec is not a recording of contentionwatch");
  std::string newer = test::recorded({test::healthy_report()});
  newer[20] = 7;
  EXPECT_EQ(test::replayed(newer).missing,
            "x.cwrec was recorded by a newer contentionwatch (format 7; this one reads up to 1)");
  EXPECT_EQ(test::replayed(RecordingWriter::begin()).missing,
            "x.cwrec ends before its first report, without the last report of its run");
}

// A reader of today passes over what tomorrow's writer adds, and tomorrow's reads today's files.
TEST(Recording, FieldsItDoesNotKnowAreNoDamage) {
  recording::ColumnOut root;
  root.child(2).child(1).put(recording::zigzag(3) + 1);  // interval_s
  root.child(2).child(6).put(12);                        // interval
  root.child(2).child(240).put_text("of tomorrow");
  root.child(2).child(241).child(3).put(1);
  const std::string text = root.written();
  recording::Decoder decoder;
  decoder.restart();
  const Report report = decoder.decode(text).report;
  EXPECT_EQ(report.interval, 12U);
  EXPECT_EQ(report.interval_s, 3);
  EXPECT_EQ(report.fidelity.stacks_sampled_share, Fidelity().stacks_sampled_share);
}

}  // namespace
}  // namespace cw
