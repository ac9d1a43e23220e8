// What is pushed to collectors, where to, and what becomes of their answers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../otlp_samples.h"
#include "export/metrics.h"
#include "export/otlp_endpoint.h"
#include "export/otlp_request.h"
#include "export/otlp_resource.h"
#include "export/otlp_retry.h"
#include "export/report_time.h"
#include "export_fixtures.h"
#include "golden.h"

namespace cw {
namespace {

using Json = nlohmann::ordered_json;

Metrics metrics_of(const Report& report) {
  Metrics metrics({.top_n = 10, .with_pid = true, .version = "1.2.3"});
  metrics.add(report);
  metrics.set_push_losses({.reports = 2, .points = 3});
  return metrics;
}

std::string request_of(const Report& report) {
  OtlpRequest request(time_of(report).ended_ns);
  metrics_of(report).write_to(request);
  return request.finish(otlp_resource(report.host, "pid=4242", "1.2.3", {}), "1.2.3");
}

const Json& metrics_in(const Json& request) {
  return request.at("resourceMetrics").at(0).at("scopeMetrics").at(0).at("metrics");
}

TEST(OtlpRequest, IsWhatCollectorsRead) {
  test::expect_golden("otlp_metrics.json",
                      Json::parse(request_of(test::guilty_report())).dump(1) + "\n");
}

bool is_decimal(const Json& value) {
  return value.is_string() && !value.get<std::string>().empty() &&
         value.get<std::string>().find_first_not_of("0123456789") == std::string::npos;
}

// Those of a HistogramDataPoint: a bucket up to each bound, and one above the last.
void check_buckets(const Json& point) {
  const auto bounds = point.at("explicitBounds").get<std::vector<double>>();
  EXPECT_EQ(std::ranges::adjacent_find(bounds, std::ranges::greater_equal{}), bounds.end())
      << "they ascend: " << point;
  EXPECT_EQ(point.at("bucketCounts").size(), bounds.size() + 1) << point;
  double sum = 0;
  for (const Json& count : point.at("bucketCounts")) sum += test::number_in(count);
  EXPECT_EQ(sum, test::number_in(point.at("count"))) << point;
}

// The rules of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, with the fields of
// metrics.proto.
void check_rules(const Json& value, const std::string& key = "") {
  static const std::set<std::string> kLongs = {"startTimeUnixNano", "timeUnixNano", "count",
                                               "asInt"};
  static const std::set<std::string> kKnown = {"resourceMetrics",
                                               "resource",
                                               "attributes",
                                               "scopeMetrics",
                                               "scope",
                                               "name",
                                               "version",
                                               "metrics",
                                               "description",
                                               "unit",
                                               "metadata",
                                               "gauge",
                                               "sum",
                                               "histogram",
                                               "dataPoints",
                                               "aggregationTemporality",
                                               "isMonotonic",
                                               "key",
                                               "value",
                                               "stringValue",
                                               "asDouble",
                                               "bucketCounts",
                                               "explicitBounds",
                                               "startTimeUnixNano",
                                               "timeUnixNano",
                                               "count",
                                               "asInt"};
  EXPECT_TRUE(!kLongs.contains(key) || is_decimal(value)) << key << " " << value;
  EXPECT_TRUE(key != "aggregationTemporality" || value == 2) << "cumulative, not " << value;
  EXPECT_TRUE(key != "asDouble" || value.is_number()) << value;
  EXPECT_TRUE(key != "bucketCounts" || std::ranges::all_of(value, is_decimal)) << value;
  if (value.is_object()) {
    if (value.contains("bucketCounts")) check_buckets(value);
    for (const auto& [name, member] : value.items()) {
      EXPECT_TRUE(kKnown.contains(name)) << name;
      check_rules(member, name);
    }
  } else if (value.is_array()) {
    for (const Json& element : value) check_rules(element);
  }
}

TEST(OtlpRequest, KeepsTheRulesOfItsEncoding) {
  check_rules(Json::parse(request_of(test::guilty_report())));
  check_rules(Json::parse(request_of(test::hostile_report())));
  check_rules(Json::parse(request_of(Report())));
}

TEST(OtlpRequest, HasWhatAScrapeHas) {
  for (const Report& report : {test::guilty_report(), test::report_of(50)}) {
    const auto scraped =
        test::samples_in_text(metrics_of(report).text(ExpositionFormat::kPrometheus));
    const auto pushed = test::samples_in_request(nlohmann::json::parse(request_of(report)));
    EXPECT_EQ(pushed, scraped);
  }
}

TEST(OtlpRequest, CountsSinceALockHasItsSeries) {
  Metrics metrics({.top_n = 10, .with_pid = false, .version = "1"});
  Report report = test::report_of(1);
  report.started = "2025-03-01T03:12:45.250Z";
  report.interval_s = 0.5;
  metrics.add(report);
  report = test::report_of(2);
  report.started = "2025-03-01T03:12:45.750Z";
  report.interval_s = 0.5;
  metrics.add(report);
  OtlpRequest request(time_of(report).ended_ns);
  metrics.write_to(request);
  const Json body = Json::parse(request.finish({}, "1"));
  std::map<std::string, Json> by_lock;
  for (const Json& point : metrics_in(body).at(0).at("histogram").at("dataPoints"))
    by_lock[point.at("attributes").back().at("value").at("stringValue")] = point;
  EXPECT_EQ(by_lock.at("lock_0").at("startTimeUnixNano"), "1740798765250000000");
  EXPECT_EQ(by_lock.at("lock_1").at("startTimeUnixNano"), "1740798765750000000");
  EXPECT_EQ(by_lock.at("other").at("startTimeUnixNano"), "1740798765250000000");
  EXPECT_EQ(by_lock.at("lock_1").at("timeUnixNano"), "1740798766250000000");
}

TEST(OtlpRequest, HostileNamesStayNames) {
  const std::string text = request_of(test::hostile_report());
  const Json request = Json::parse(text);
  std::set<std::string> values;
  for (const Json& metric : metrics_in(request))
    if (metric.contains("gauge"))
      for (const Json& point : metric.at("gauge").at("dataPoints"))
        for (const Json& attribute : point.at("attributes"))
          values.insert(attribute.at("value").at("stringValue"));
  EXPECT_TRUE(values.contains(label_value(test::kHostile)));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(OtlpRequest, IsBoundedHoweverManyLocks) {
  std::size_t points = 0;
  const Json request = Json::parse(request_of(test::report_of(5'000)));
  for (const Json& metric : metrics_in(request))
    for (const char* kind : {"gauge", "sum", "histogram"})
      if (metric.contains(kind)) points += metric.at(kind).at("dataPoints").size();
  EXPECT_LE(points, 100U);
}

TEST(OtlpResource, SaysWhoAndWhereAndWhatWasAskedFor) {
  const auto attributes = otlp_resource(
      "db\n1", "pid=7", "1.2.3", {{"service.name", "orders"}, {"deployment.environment", "test"}});
  EXPECT_EQ(attributes, (ResourceAttributes{{"service.name", "orders"},
                                            {"service.version", "1.2.3"},
                                            {"service.instance.id", "db\\x0a1/pid=7"},
                                            {"host.name", "db\\x0a1"},
                                            {"deployment.environment", "test"}}));
  EXPECT_EQ(otlp_resource("db1", "", "1", {})[2].second, "db1");
}

TEST(OtlpEndpoint, HasThePortAndThePathOfCollectors) {
  const auto text_of = [](const char* url) { return parse_otlp_endpoint(url).value().text(); };
  EXPECT_EQ(text_of("http://localhost"), "http://localhost:4318/v1/metrics");
  EXPECT_EQ(text_of("http://localhost:4318"), "http://localhost:4318/v1/metrics");
  EXPECT_EQ(text_of("http://localhost:4318/"), "http://localhost:4318/v1/metrics");
  EXPECT_EQ(text_of("HTTP://Collector.example:80/v1/metrics"),
            "http://Collector.example:80/v1/metrics");
  EXPECT_EQ(text_of("http://10.1.2.3/otlp/v1/metrics"), "http://10.1.2.3:4318/otlp/v1/metrics");
  EXPECT_EQ(text_of("http://[::1]:9/x/"), "http://[::1]:9/x/") << "a path is taken as it is";
  EXPECT_EQ(text_of("http://otel_collector:65535"), "http://otel_collector:65535/v1/metrics");
}

TEST(OtlpEndpoint, MistakesAreWrongUsageInOneLine) {
  const std::string endless = "http://" + std::string(3'000, 'a');
  for (const std::string& url : {std::string(),
                                 std::string("localhost"),
                                 std::string("localhost:4318"),
                                 std::string("collector:4318/v1/metrics"),
                                 std::string("//x"),
                                 std::string("http:"),
                                 std::string("http://"),
                                 std::string("http:///v1/metrics"),
                                 std::string("http://:4318"),
                                 std::string("ftp://x"),
                                 std::string("grpc://x"),
                                 std::string("http://user:pw@x"),
                                 std::string("http://user@x"),
                                 std::string("http://x#part"),
                                 std::string("http://x?key=1"),
                                 std::string("http://x/v1?key=1"),
                                 std::string("http://x:0"),
                                 std::string("http://x:99999"),
                                 std::string("http://x:-1"),
                                 std::string("http://x:12x"),
                                 std::string("http://x:4318:1"),
                                 std::string("http://a b"),
                                 std::string("http://x/a b"),
                                 std::string("http://x/\n"),
                                 std::string("http://x\r\nHost: y"),
                                 std::string("http://x\0y", 10),
                                 std::string("http://é"),
                                 std::string("http://x/\xff"),
                                 std::string("http://%41"),
                                 std::string("http://-x"),
                                 std::string("http://::1"),
                                 std::string("http://[::1"),
                                 std::string("http://[x]"),
                                 std::string("http://[v1.x]:1"),
                                 std::string("http://x/%zz"),
                                 endless}) {
    const auto endpoint = parse_otlp_endpoint(url);
    ASSERT_FALSE(endpoint) << url << " " << endpoint->text();
    EXPECT_EQ(endpoint.error().exit, Exit::kUsage);
    EXPECT_TRUE(endpoint.error().message.starts_with("--otlp takes ")) << url;
    EXPECT_EQ(endpoint.error().message.find_first_of("\r\n"), std::string::npos);
    EXPECT_LT(endpoint.error().message.size(), 300U);
  }
}

TEST(OtlpEndpoint, EncryptionIsForACollectorBesideUs) {
  const auto endpoint = parse_otlp_endpoint("https://collector.example");
  ASSERT_FALSE(endpoint);
  EXPECT_EQ(endpoint.error().exit, Exit::kUsage);
  EXPECT_NE(endpoint.error().message.find("http://localhost:4318"), std::string::npos);
}

TEST(OtlpEndpoint, HeadersAreAsInTheEnvironmentOfOthers) {
  EXPECT_EQ(parse_headers("api-key=abc%3D%2C , X-Org = 7,", "V").value(),
            (KeyValues{{"api-key", "abc=,"}, {"X-Org", "7"}}));
  EXPECT_EQ(parse_headers("Authorization=Basic%20eDp5=", "V").value(),
            (KeyValues{{"Authorization", "Basic eDp5="}}));
  EXPECT_TRUE(parse_headers("", "V").value().empty());
}

TEST(OtlpEndpoint, HeadersThatCannotBeSentAreWrongUsage) {
  for (const char* text : {"secret", "=secret", "a=%secret", "a=secret%4", "a b=secret",
                           "a:=secret", "a=secret%0d%0aX:1", "a=secret%00", "Content-Length=secret",
                           "host=secret", "Transfer-Encoding=secret"}) {
    const auto headers = parse_headers(text, "OTEL_X");
    ASSERT_FALSE(headers) << text;
    EXPECT_EQ(headers.error().exit, Exit::kUsage);
    EXPECT_TRUE(headers.error().message.starts_with("OTEL_X ")) << headers.error().message;
    EXPECT_EQ(headers.error().message.find("secret"), std::string::npos) << headers.error().message;
  }
}

using What = OtlpOutcome::What;

OtlpOutcome after(int status, const std::string& body = "{}", const std::string& retry_after = "") {
  // 1994-11-06T08:49:37Z
  const auto now = std::chrono::system_clock::from_time_t(784'111'777);
  return outcome_of({.heard = HttpAnswer::Heard::kAnswer,
                     .status = status,
                     .retry_after = retry_after,
                     .body = body,
                     .problem = {}},
                    now);
}

TEST(OtlpRetry, OnlyWhatPasses) {
  for (const int status : {429, 502, 503, 504}) EXPECT_EQ(after(status).what, What::kTryAgain);
  for (const int status : {101, 301, 307, 400, 401, 403, 404, 405, 408, 413, 415, 500, 501, 505})
    EXPECT_EQ(after(status).what, What::kRefused) << status;
  for (const int status : {200, 202, 204}) EXPECT_EQ(after(status).what, What::kArrived);
}

TEST(OtlpRetry, KnowsWhatMayBeTheReportsFault) {
  for (const int status : {502, 504}) EXPECT_TRUE(after(status).may_be_its_fault) << status;
  for (const int status : {200, 400, 429, 503})
    EXPECT_FALSE(after(status).may_be_its_fault) << status;
  HttpAnswer nothing;
  EXPECT_FALSE(outcome_of(nothing, {}).may_be_its_fault) << "no connection";
  nothing.sent = true;
  EXPECT_TRUE(outcome_of(nothing, {}).may_be_its_fault) << "no answer";
}

TEST(OtlpRetry, PausesThatAreAskedForAreBounded) {
  const auto pause = [](const std::string& text) {
    const auto asked = after(503, "", text).pause;
    return asked ? asked->count() : -1;
  };
  EXPECT_EQ(pause(""), -1);
  EXPECT_EQ(pause("0"), 0);
  EXPECT_EQ(pause("17"), 17);
  EXPECT_EQ(pause("99999"), 300);
  EXPECT_EQ(pause("99999999999999999999999"), 300);
  EXPECT_EQ(pause("-5"), 0);
  EXPECT_EQ(pause("soon"), -1);
  EXPECT_EQ(pause("5 s"), -1);
  EXPECT_EQ(pause("Sun, 06 Nov 1994 08:49:57 GMT"), 20);
  EXPECT_EQ(pause("Sun, 06 Nov 1994 08:49:07 GMT"), 0);
  EXPECT_EQ(pause("Sun, 06 Nov 2094 08:49:07 GMT"), 300);
}

TEST(OtlpRetry, RejectedPointsAreCounted) {
  const auto rejected = [](const std::string& body) {
    const OtlpOutcome outcome = after(200, body);
    EXPECT_EQ(outcome.what, What::kArrived);
    return outcome.rejected_points;
  };
  EXPECT_EQ(rejected(R"({"partialSuccess":{"rejectedDataPoints":"12","errorMessage":"x"}})"), 12U);
  EXPECT_EQ(rejected(R"({"partialSuccess":{"rejectedDataPoints":12}})"), 12U);
  EXPECT_EQ(rejected(R"({"partialSuccess":{"errorMessage":"only a warning"}})"), 0U);
  EXPECT_EQ(rejected(R"({"partialSuccess":{"rejectedDataPoints":-1}})"), 0U);
  EXPECT_EQ(rejected(R"({"partialSuccess":[{"rejectedDataPoints":1}]})"), 0U);
  for (const std::string& body : {std::string(), std::string("{"), std::string("[]"),
                                  std::string("\xff"), std::string(50'000, '[')})
    EXPECT_EQ(rejected(body), 0U);
}

TEST(OtlpRetry, WhatTheCollectorSaysIsFitToBeShown) {
  const std::string reason = after(400, R"({"message":"a\u001b[31m\nb"})").reason;
  EXPECT_EQ(reason, "HTTP status 400: a\\x1b[31m\\x0ab");
  EXPECT_LT(after(400, R"({"message":")" + std::string(10'000, 'x') + "\"}").reason.size(), 300U);
}

TEST(OtlpRetry, BackOffDoublesWithJitterUpToABound) {
  BackOff back_off(1);
  for (const int whole : {1, 2, 4, 8, 16, 32, 32, 32}) {
    const auto pause = back_off.next();
    EXPECT_GE(pause.count(), whole * 500);
    EXPECT_LE(pause.count(), whole * 1000);
  }
  back_off.reset();
  EXPECT_LE(back_off.next().count(), 1000);
  EXPECT_NE(BackOff(2).next(), BackOff(3).next());
}

TEST(ReportTime, HasMilliseconds) {
  EXPECT_EQ(unix_ns("2025-03-01T03:12:45Z"), 1'740'798'765'000'000'000);
  EXPECT_EQ(unix_ns("2025-03-01T03:12:45.250Z"), 1'740'798'765'250'000'000);
  EXPECT_EQ(unix_ns("2025-03-01T03:12:45.123456789123Z"), 1'740'798'765'123'456'789);
  for (const char* text : {"", "x", "9999-01-01T00:00:00Z", "1900-01-01T00:00:00Z"})
    EXPECT_FALSE(unix_ns(text)) << text;
  Report report;
  report.started = "2025-03-01T03:12:45Z";
  report.interval_s = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(time_of(report).ended_ns, 0);
}

}  // namespace
}  // namespace cw
