// Profiles for speedscope, against its schema and the rules that no schema tells.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/speedscope.h"
#include "export_fixtures.h"

namespace cw {
namespace {

nlohmann::json speedscope_of(const Report& report, ProfileOf what = ProfileOf::kLocks) {
  Profile profile(what);
  profile.add(report);
  return nlohmann::json::parse(to_speedscope(profile, "orders"));
}

// `verdict`: a condition on `errors`, which has the first error of each file, or None.
bool schema_says(const std::string& verdict, const nlohmann::json& files) {
  return test::accepts(
      "/usr/bin/python3 -c 'import json, jsonschema, sys\n"
      "schema = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))\n"
      "errors = [next(schema.iter_errors(file), None) for file in json.load(sys.stdin)]\n"
      "print(*[error and error.message[:200] for error in errors], sep=chr(10))\n"
      "sys.exit(not " +
          verdict + "(error is None for error in errors))' " CW_SCHEMAS "/speedscope.json",
      files.dump());
}

// The sums add up, and each frame that a sample names is there.
void expect_consistent(const nlohmann::json& file) {
  const std::size_t frames = file.at("shared").at("frames").size();
  for (const auto& profile : file.at("profiles")) {
    ASSERT_EQ(profile.at("samples").size(), profile.at("weights").size());
    std::int64_t total = 0;
    for (const auto& weight : profile.at("weights")) total += weight.get<std::int64_t>();
    EXPECT_EQ(profile.at("startValue"), 0);
    EXPECT_EQ(profile.at("endValue"), total);
    for (const auto& sample : profile.at("samples"))
      for (const auto& index : sample) EXPECT_LT(index.get<std::size_t>(), frames);
  }
  EXPECT_LT(file.at("activeProfileIndex").get<std::size_t>(), file.at("profiles").size());
}

TEST(Speedscope, KeepsItsSchemaWhateverTheNames) {
  nlohmann::json files;
  for (const Report& report :
       {test::guilty_report(), test::hostile_report(), test::report_of(3), test::report_of(0)})
    for (const ProfileOf what : {ProfileOf::kLocks, ProfileOf::kAllocations}) {
      files.push_back(speedscope_of(report, what));
      expect_consistent(files.back());
    }
  EXPECT_TRUE(schema_says("all", files));
}

TEST(Speedscope, SchemaWouldTell) {
  const nlohmann::json valid = speedscope_of(test::guilty_report());
  nlohmann::json files;
  for (const char* field :
       {"/$schema", "/shared", "/shared/frames", "/shared/frames/0/name", "/profiles",
        "/profiles/0/type", "/profiles/0/name", "/profiles/0/unit", "/profiles/0/startValue",
        "/profiles/0/endValue", "/profiles/0/samples", "/profiles/0/weights"}) {
    const nlohmann::json::json_pointer place(field);
    nlohmann::json changed = valid;
    changed.at(place) = nullptr;  // of another type
    files.push_back(changed);
    changed.at(place.parent_pointer()).erase(place.back());
    files.push_back(changed);
  }
  EXPECT_TRUE(schema_says("not any", files));
}

TEST(Speedscope, HasWaitersAndReleasersRootFirst) {
  const nlohmann::json file = speedscope_of(test::guilty_report());
  ASSERT_EQ(file.at("profiles").size(), 2U);
  EXPECT_EQ(file.at("profiles").at(0).at("unit"), "nanoseconds");
  std::vector<std::string> names;
  for (const auto& index : file.at("profiles").at(0).at("samples").at(0)) {
    const auto& frame = file.at("shared").at("frames").at(index.get<std::size_t>());
    names.push_back(frame.at("name"));
    if (names.back() != "orders::lookup") continue;
    EXPECT_EQ(frame.at("file"), "src/cache.cpp");
    EXPECT_EQ(frame.at("line"), 41);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"orders-api", "clerk", "orders::lookup",
                                             "pthread_mutex_lock", "[mutex orders::ledger]"}));
}

TEST(Speedscope, OfAllocationsCountsBytes) {
  const nlohmann::json file = speedscope_of(test::guilty_report(), ProfileOf::kAllocations);
  ASSERT_EQ(file.at("profiles").size(), 1U);
  EXPECT_EQ(file.at("profiles").at(0).at("unit"), "bytes");
  EXPECT_EQ(file.at("profiles").at(0).at("endValue"), 6'000'000);
}

}  // namespace
}  // namespace cw
