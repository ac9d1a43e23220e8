#include "app/profile_files.h"

#include <fmt/format.h>

#include <array>

#include "export/flamegraph.h"
#include "export/folded.h"
#include "export/pprof.h"
#include "export/speedscope.h"

namespace cw {

Result<ProfileFiles> ProfileFiles::open(const Settings& settings) {
  struct Kind {
    const std::string& prefix;
    const char* extension;
    Render render;
  };
  const std::array kinds = {
      Kind{settings.folded_prefix, "folded",
           [](const LockProfile& locks) { return to_folded(locks); }},
      Kind{settings.speedscope_prefix, "speedscope.json",
           [](const LockProfile& locks) { return to_speedscope(locks, "contentionwatch"); }},
      Kind{settings.flamegraph_prefix, "svg",
           [](const LockProfile& locks) { return to_flamegraph(locks); }},
      Kind{settings.pprof_prefix, "pb.gz",
           [](const LockProfile& locks) { return to_pprof(locks); }},
  };
  ProfileFiles profiles;
  for (const Kind& kind : kinds) {
    if (kind.prefix.empty()) continue;
    auto file = OutputFile::open(fmt::format("{}.locks.{}", kind.prefix, kind.extension));
    if (!file) return std::unexpected(file.error());
    profiles.files_.push_back({.render = kind.render, .file = std::move(*file)});
  }
  return profiles;
}

void ProfileFiles::add(const Report& report) {
  if (!files_.empty()) locks_.add(report);
}

Result<void> ProfileFiles::write() {
  Result<void> all;
  for (const auto& [render, file] : files_) {
    auto written = file.write(render(locks_));
    if (all) all = std::move(written);
  }
  return all;
}

}  // namespace cw
