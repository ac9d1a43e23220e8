// Services with one defect each: it is named, and first. Healthy ones: none of their locks is
// accused. What is asserted rests on waits, wakes and looks at owners.
#include <gtest/gtest.h>

#include <string>

#include "child_process.h"
#include "command.h"

namespace cw::test {
namespace {

using nlohmann::json;

json report_of(const std::string& program, const std::string& service) {
  Workload workload({program, service});
  workload.go();
  const Ran ran = run({"--pid", std::to_string(workload.pid()), "-i", "2", "-d", "2", "--budget",
                       "100", "--observe", "locks", "--format", "json"});
  EXPECT_EQ(ran.exit, 0) << ran.errors;
  const auto reports = reports_in(ran.output);
  return reports.empty() ? json::object() : reports.back();
}

struct Defect {
  std::string name;     // of the workload
  std::string pattern;  // that the first lock must show first; empty: the lock's kind says it all
  std::string kind;
};

void PrintTo(const Defect& defect, std::ostream* out) {
  *out << defect.name;
}

bool shows(const json& report, const Defect& defect) {
  if (report.at("locks").empty()) return false;
  const json& first = report.at("locks").at(0);
  return defect.pattern.empty() ||
         (first.contains("patterns") && first.at("patterns").at(0).at("name") == defect.pattern);
}

// Two seconds in which the scheduler let one function have the lock nearly alone, or found every
// thread a CPU, show less of a defect than there is: again then.
json report_of_defect(const Defect& defect) {
  constexpr int kTries = 3;
  json report = report_of("defects", defect.name);
  for (int tried = 1; tried < kTries && !shows(report, defect); ++tried)
    report = report_of("defects", defect.name);
  return report;
}

class Defects : public testing::TestWithParam<Defect> {};

TEST_P(Defects, IsNamedFirst) {
  const Defect& defect = GetParam();
  const json report = report_of_defect(defect);
  ASSERT_FALSE(report.at("locks").empty()) << report.dump(1);
  const json& first = report.at("locks").at(0);
  EXPECT_EQ(first.at("kind"), defect.kind) << first.dump(1);
  EXPECT_NE(report.at("verdict").at("level"), "fine") << report.at("verdict").dump(1);
  if (defect.pattern.empty()) return;
  ASSERT_TRUE(first.contains("patterns")) << first.dump(1);
  EXPECT_EQ(first.at("patterns").at(0).at("name"), defect.pattern) << first.dump(1);
  EXPECT_FALSE(first.at("patterns").at(0).at("evidence").get<std::string>().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Of, Defects,
    testing::Values(Defect{"one_lock_under_everything", "one_lock_under_everything", "mutex"},
                    Defect{"many_small_locks", "many_small_locks", "mutex"},
                    Defect{"held_across_sleep", "held_across_sleep", "mutex"},
                    Defect{"held_across_io", "held_across_io", "mutex"},
                    Defect{"held_across_allocation", "held_across_allocation", "mutex"},
                    Defect{"readers_behind_writers", "readers_behind_writers", "rwlock"},
                    Defect{"starved_writers", "starved_writers", "rwlock"},
                    Defect{"thundering_herd", "thundering_herd", "mutex"},
                    Defect{"pause", "pause", "mutex"},
                    Defect{"cpu_starvation", "cpu_starvation", "mutex"},
                    Defect{"one_arena", "", "allocator"}),
    [](const auto& made) { return made.param.name; });

class Healthy : public testing::TestWithParam<std::string> {};

TEST_P(Healthy, NoLockIsAccused) {
  const json report = report_of("healthy", GetParam());
  EXPECT_EQ(report.at("verdict").at("level"), "fine") << report.at("verdict").dump(1);
  for (const json& lock : report.at("locks")) {
    EXPECT_EQ(lock.at("level"), "fine") << lock.dump(1);
    for (const json& pattern : lock.value("patterns", json::array()))
      EXPECT_EQ(pattern.at("name"), "false_alarm") << lock.dump(1);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Healthy,
                         testing::Values("pool", "sharded", "brief", "readers", "pipeline"),
                         [](const auto& made) { return made.param; });

}  // namespace
}  // namespace cw::test
