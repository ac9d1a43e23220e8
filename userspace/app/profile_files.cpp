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
           [](const Profile& profile) { return to_folded(profile); }},
      Kind{settings.speedscope_prefix, "speedscope.json",
           [](const Profile& profile) { return to_speedscope(profile, "contentionwatch"); }},
      Kind{settings.flamegraph_prefix, "svg",
           [](const Profile& profile) { return to_flamegraph(profile); }},
      Kind{settings.pprof_prefix, "pb.gz",
           [](const Profile& profile) { return to_pprof(profile); }},
  };
  ProfileFiles profiles;
  for (const Kind& kind : kinds) {
    if (kind.prefix.empty()) continue;
    for (const ProfileOf what : {ProfileOf::kLocks, ProfileOf::kAllocations}) {
      auto file = OutputFile::open(fmt::format(
          "{}.{}.{}", kind.prefix, what == ProfileOf::kLocks ? "locks" : "alloc", kind.extension));
      if (!file) return std::unexpected(file.error());
      profiles.files_.push_back({.render = kind.render, .what = what, .file = std::move(*file)});
    }
  }
  return profiles;
}

void ProfileFiles::add(const Report& report) {
  if (files_.empty()) return;
  locks_.add(report);
  allocations_.add(report);
}

Result<void> ProfileFiles::write() {
  Result<void> all;
  for (const auto& [render, what, file] : files_) {
    auto written = file.write(render(profile(what)));
    if (all) all = std::move(written);
  }
  return all;
}

}  // namespace cw
