// Where reports go for other tools: monitoring, profilers, browsers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/profile_files.h"
#include "app/settings.h"
#include "export/metrics.h"
#include "export/metrics_server.h"
#include "export/otlp_push.h"

namespace cw {

class Exports {
 public:
  // Opens files and takes the port now: what cannot be had is an error before anything is attached,
  // and needs no rights later. Errors: kFailed.
  static Result<Exports> open(const Settings& settings, const RecordedRun& run);
  [[nodiscard]] bool empty() const { return !metrics_ && profiles_.empty(); }
  // Begins to serve. Call it once rights were dropped: its thread has none to drop. Errors:
  // kFailed, also where a file cannot be replaced without the rights that were given up.
  Result<void> start();
  // Of the last report: profiles, too, and the end of pushing, which takes two seconds where the
  // collector does not answer.
  Result<void> write(const Report& report);
  // Writes the profiles: the last report that came was not the last of its run.
  Result<void> finish();
  // Writes the profiles before the last report: something else went wrong. Once.
  void give_up() {
    if (auto written = profiles_.write(); !written) return;  // the other error is told
  }

 private:
  Result<void> publish();
  void push(const Report& report, Metrics& metrics);

  ProfileFiles profiles_;
  std::string textfile_;
  std::optional<MetricsServer> server_;
  std::optional<Metrics> metrics_;  // where one of the three wants them
  std::string version_;             // that made the reports
  std::string watched_;             // what of the host, as in RecordedRun
  KeyValues resource_;              // attributes that were asked for
  std::unique_ptr<OtlpPush> push_;
};

}  // namespace cw
