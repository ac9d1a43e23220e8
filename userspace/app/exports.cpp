#include "app/exports.h"

#include <fmt/format.h>

#include <cstdio>

#include "export/textfile.h"

namespace cw {

Result<Exports> Exports::open(const Settings& settings) {
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
  if (!settings.textfile.empty() || settings.listen)
    exports.metrics_.emplace(MetricsOptions{
        .top_n = settings.top_n, .with_pid = !settings.pids.empty(), .version = CW_VERSION});
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
  if (metrics_) metrics_->add(report);
  const auto published = publish();
  profiles_.add(report);
  const auto profiled = report.final ? profiles_.write() : Result<void>();
  return published ? profiled : published;
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
