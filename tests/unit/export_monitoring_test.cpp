// tools/monitoring: what it asks for is what we export, and Prometheus understands it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "export/metrics.h"
#include "export_fixtures.h"

namespace cw {
namespace {

const std::string kFolder = CW_MONITORING;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::vector<std::string> dashboard_queries() {
  std::vector<std::string> queries;
  const auto dashboard = nlohmann::json::parse(test::content_of(kFolder + "/dashboard.json"));
  for (const auto& panel : dashboard.at("panels"))
    for (const auto& target : panel.at("targets"))
      queries.push_back(replaced(target.at("expr"), "$__rate_interval", "5m"));
  return queries;
}

std::set<std::string> names_in(const std::string& text) {
  static const std::regex kName("contentionwatch_[a-z_]+");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it)
    names.insert(it->str());
  return names;
}

std::set<std::string> exported() {
  Metrics metrics({.top_n = 10, .with_pid = false, .version = "1"});
  metrics.add(test::guilty_report());
  return names_in(metrics.text(ExpositionFormat::kPrometheus));
}

TEST(Monitoring, RulesAreGoodAndFireWhenTheyShould) {
  EXPECT_EQ(std::system(("promtool check rules " + kFolder + "/alerts.yml").c_str()), 0);
  EXPECT_EQ(std::system(("promtool test rules " + kFolder + "/alerts_test.yml").c_str()), 0);
}

TEST(Monitoring, QueriesOfTheDashboardAreUnderstood) {
  nlohmann::json rules = nlohmann::json::array();
  for (const std::string& query : dashboard_queries())
    rules.push_back({{"record", "panel_" + std::to_string(rules.size())}, {"expr", query}});
  EXPECT_GE(rules.size(), 7U);
  nlohmann::json groups;  // JSON is YAML
  groups["groups"][0] = {{"name", "dashboard"}, {"rules", std::move(rules)}};
  const std::string file = testing::TempDir() + "dashboard_" + std::to_string(getpid()) + ".yml";
  std::ofstream(file) << groups.dump();
  EXPECT_EQ(std::system(("promtool check rules " + file).c_str()), 0) << groups.dump(1);
  std::filesystem::remove(file);
}

TEST(Monitoring, AsksForWhatIsExported) {
  std::string asked = test::content_of(kFolder + "/alerts.yml");
  for (const std::string& query : dashboard_queries()) asked += query + "\n";
  const auto known = exported();
  for (const std::string& name : names_in(asked)) EXPECT_TRUE(known.contains(name)) << name;
}

}  // namespace
}  // namespace cw
