#include "app/exports.h"

#include <fmt/format.h>

#include <cstdio>

#include "export/otlp_request.h"
#include "export/otlp_resource.h"
#include "export/report_time.h"
#include "export/textfile.h"

namespace cw {

Result<Exports> Exports::open(const Settings& settings, const RecordedRun& run) {
  Exports exports;
  exports.textfile_ = settings.textfile;
  if (!settings.textfile.empty())
    if (auto possible = check_replaceable(settings.textfile); !possible)
      return std::unexpected(possible.error());
  if (settings.listen) {
    auto server = MetricsServer::bind(*settings.listen);
    if (!server) return std::unexpected(server.error());
    exports.server_ = std::move(*server);
  }
  auto profiles = ProfileFiles::open(settings);
  if (!profiles) return std::unexpected(profiles.error());
  exports.profiles_ = std::move(*profiles);
  if (settings.otlp) {
    auto push = OtlpPush::open(
        settings.otlp->endpoint,
        {.version = run.version,
         .waits_for_room = settings.command == Command::kReplay,
         .say = [](const std::string& line) {
           static_cast<void>(std::fprintf(stderr, "contentionwatch: %s\n", line.c_str()));
         }});
    if (!push) return std::unexpected(push.error());
    exports.push_ = std::move(*push);
    exports.resource_ = settings.otlp->resource;
    exports.version_ = run.version;
    exports.watched_ = run.watched;
  }
  if (!settings.textfile.empty() || settings.listen || settings.otlp)
    exports.metrics_.emplace(
        MetricsOptions{.top_n = run.top_n, .with_pid = run.with_pid, .version = run.version});
  return exports;
}

Result<void> Exports::start() {
  if (auto published = publish(); !published) return published;
  if (!server_) return {};
  if (auto started = server_->start(); !started) return started;
  fmt::print(stderr, "contentionwatch: metrics at http://{}/metrics\n", server_->address());
  return {};
}

Result<void> Exports::write(const Report& report) {
  profiles_.add(report);
  // Before the last push, which a collector may hold up.
  const auto profiled = report.final ? profiles_.write() : Result<void>();
  if (metrics_) metrics_->add(report);
  if (push_ && metrics_) push(report, *metrics_);
  const auto published = publish();
  return published ? profiled : published;
}

Result<void> Exports::finish() {
  auto profiled = profiles_.write();
  if (push_) push_->finish();
  return profiled;
}

void Exports::push(const Report& report, Metrics& metrics) {
  metrics.set_push_losses(push_->losses());
  OtlpRequest request(time_of(report).ended_ns);
  metrics.write_to(request);
  push_->push(request.finish(otlp_resource(report.host, watched_, version_, resource_), version_));
  if (!report.final) return;
  push_->finish();
  metrics.set_push_losses(push_->losses());
}

Result<void> Exports::publish() {
  if (!metrics_) return {};
  std::string prometheus = metrics_->text(ExpositionFormat::kPrometheus);
  if (!textfile_.empty())
    if (auto written = replace_file(textfile_, prometheus); !written) return written;
  if (server_)
    server_->publish({.prometheus = std::move(prometheus),
                      .open_metrics = metrics_->text(ExpositionFormat::kOpenMetrics)});
  return {};
}

}  // namespace cw
