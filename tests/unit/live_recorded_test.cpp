// The view of a recording: of its reports it has one at a time, and says which it wants next.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "golden.h"
#include "live/selection.h"
#include "live_fixtures.h"

namespace cw::test {
namespace {

using live::KeyName;
using live::Model;

// A recording in which the lock is worst in interval `worst`, of reports numbered from 1.
struct Recording {
  Recording(std::size_t count, std::size_t worst) : about{.reports = count} {
    for (std::size_t i = 1; i <= count; ++i) {
      reports.push_back(guilty_report());
      Report& report = reports.back();
      report.interval = i;
      report.host = "db-7";
      report.locks[0].waiters_mean = i == worst ? 3 : 0.5 + static_cast<double>(i) / 10'000;
      about.seconds += report.interval_s;
    }
    about.last_interval = count;
    about.worst = {.number = worst, .interval = worst, .is_certain = true};
    about.wanted = worst;
  }

  // As the view on the terminal does it after each key.
  Model told(Model model) {
    const auto first = live::first_to_read(model);
    if (!first) return model;
    for (std::uint64_t number = *first; number <= model.recorded->wanted; ++number, ++read)
      model = live::update(std::move(model), number, reports.at(number - 1));
    return model;
  }
  Model opened(std::size_t width = 80, std::size_t height = 24) {
    return told(live::update(sized({}, width, height), about));
  }
  Model after(Model model, const std::string& keys) {
    for (const char key : keys) model = told(typed(std::move(model), std::string(1, key)));
    return model;
  }

  std::vector<Report> reports;
  live::Recorded about;
  std::size_t read = 0;  // so far
};

double trend_of_first_lock(const Model& model) {
  const auto table = live::table_of(model.shown(), live::Tab::kLocks);
  return model.trends.of(table->id(0), model.shown_number(), 1).at(0);
}

TEST(LiveRecorded, Screens) {
  Recording recording(1200, 723);
  expect_golden("live_recorded_80x24.txt", text_of(recording.opened()));
  expect_golden("live_recorded_60x15.txt", text_of(recording.opened(60, 15)));
  expect_golden("live_recorded_120x40.txt",
                text_of(recording.after(recording.opened(120, 40), "[[")));
}

TEST(LiveRecorded, MachinesAndLongHostsFit) {
  Recording recording(2, 1);
  for (Report& report : recording.reports) {
    report = machine_report();
    report.host = "ip-10-0-12-34.eu-west-1.compute.internal\x1b[2J";
  }
  const Model model = recording.opened();
  EXPECT_EQ(model.tab, live::Tab::kProcesses);
  EXPECT_NE(text_of(model).find(" recording of ip-10-0-12-34.eu-...   3 processes"),
            std::string::npos)
      << text_of(model);
}

TEST(LiveRecorded, KeysGoBackAndForthAsFarAsItReaches) {
  Recording recording(30, 20);
  Model model = recording.opened();
  EXPECT_EQ(model.shown().interval, 20U);
  const auto interval_after = [&](const std::string& keys) {
    model = recording.after(std::move(model), keys);
    return model.shown().interval;
  };
  EXPECT_EQ(interval_after("["), 19U);
  EXPECT_EQ(interval_after("]]"), 21U);
  EXPECT_EQ(interval_after("}"), 30U);  // stops at the last
  EXPECT_EQ(interval_after("{{{{"), 1U);
  EXPECT_EQ(interval_after("["), 1U);
  EXPECT_EQ(interval_after("p"), 30U);
  EXPECT_EQ(interval_after("w"), 20U);
  EXPECT_EQ(interval_after(" "), 30U);
  EXPECT_EQ(interval_after("12345v?vsr"), 30U);
}

TEST(LiveRecorded, WorstIsToldAsItIsFound) {
  Recording recording(30, 20);
  recording.about.wanted = 30;
  recording.about.worst = {};
  Model model = recording.opened(100, 30);
  const auto says = [&](const std::string& text) {
    return text_of(model).find("interval 30 of 30 (3 min)" + text + "\n") != std::string::npos;
  };
  EXPECT_TRUE(says("")) << text_of(model);
  EXPECT_EQ(recording.after(model, "w").shown().interval, 30U);
  model = live::update(std::move(model), live::RecordedWorst{.number = 7, .interval = 7});
  EXPECT_TRUE(says(", w: worst so far 7")) << text_of(model);
  EXPECT_EQ(recording.after(model, "w").shown().interval, 7U);
  model = live::update(std::move(model),
                       live::RecordedWorst{.number = 20, .interval = 20, .is_certain = true});
  EXPECT_TRUE(says(", w: worst 20")) << text_of(model);
  model = recording.after(model, "w");
  EXPECT_NE(text_of(model).find("interval 20 of 30 (3 min), the worst\n"), std::string::npos);
}

// Several keys may come before anything is read: only where they lead counts.
TEST(LiveRecorded, KeysThatComeAtOnceAreReadForOnce) {
  Recording recording(600, 600);
  Model model = recording.opened();
  recording.read = 0;
  model = recording.told(typed(std::move(model), "[[[[["));
  EXPECT_EQ(model.shown().interval, 595U);
  EXPECT_EQ(recording.read, 1U);
}

// A step costs one report, now and then a screenful of them.
TEST(LiveRecorded, TrendsAreThereWhereverOneGoes) {
  Recording recording(2000, 1000);
  Model model = recording.opened();
  std::size_t steps = 0;
  recording.read = 0;
  for (const char* const keys : {"[", "]", "{", "}", "w", "p", "{", "w"})
    for (int i = 0; i < 100; ++i, ++steps) {
      model = recording.after(std::move(model), keys);
      const double expected = model.shown().locks[0].waiters_mean;
      ASSERT_NEAR(trend_of_first_lock(model), expected, 1e-6) << model.shown().interval;
      const auto table = live::table_of(model.shown(), live::Tab::kLocks);
      const std::size_t past = std::min<std::size_t>(model.shown_number(), 80);
      for (const float value : model.trends.of(table->id(0), model.shown_number(), past))
        ASSERT_FALSE(std::isnan(value)) << keys << " " << model.shown().interval;
    }
  EXPECT_LT(recording.read, 20 * steps);
}

TEST(LiveRecorded, WhatCannotBeReadLeavesWhatIsShown) {
  Recording recording(30, 20);
  Model model = typed(recording.opened(), "{");
  ASSERT_TRUE(live::first_to_read(model));
  model = live::stay(std::move(model), {"x.cwrec was changed while it was shown"});
  EXPECT_FALSE(live::first_to_read(model));
  EXPECT_EQ(model.shown().interval, 20U);
  EXPECT_NE(text_of(model).find("x.cwrec was changed"), std::string::npos);
  EXPECT_EQ(recording.after(std::move(model), "[").shown().interval, 19U);
}

TEST(LiveRecorded, WhatCannotBeReadAtAllIsSaid) {
  const Recording recording(30, 20);
  Model model = live::update(Model(), recording.about);
  model = live::stay(std::move(model), {"x.cwrec was changed while it was shown"});
  EXPECT_FALSE(live::first_to_read(model));
  EXPECT_NE(text_of(typed(std::move(model), "[wp")).find("x.cwrec was changed"), std::string::npos);
}

// The same key where nothing is recorded.
TEST(LiveKeys, GoToTheWorstThatIsKept) {
  const Recording recording(10, 4);
  Model model;
  for (const Report& report : recording.reports) model = told(std::move(model), {report});
  model = typed(std::move(model), "w");
  EXPECT_EQ(model.shown().interval, 4U);
  EXPECT_NE(text_of(model).find("held, 6 back"), std::string::npos);
  EXPECT_EQ(typed(model, "p").shown().interval, 10U);
  Report worse = guilty_report();
  worse.locks[0].waiters_mean = 5;
  model = typed(told(std::move(model), {worse}), "w");
  EXPECT_FALSE(model.held);
}

}  // namespace
}  // namespace cw::test
