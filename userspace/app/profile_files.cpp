#include "app/profile_files.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

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
    File file{.name = fmt::format("{}.locks.{}", kind.prefix, kind.extension),
              .render = kind.render,
              .stream = {}};
    file.stream.reset(std::fopen(file.name.c_str(), "we"));
    if (!file.stream)
      return fail(Exit::kFailed,
                  fmt::format("cannot write to {}: {}", file.name, std::strerror(errno)));
    profiles.files_.push_back(std::move(file));
  }
  return profiles;
}

void ProfileFiles::add(const Report& report) {
  if (!files_.empty()) locks_.add(report);
}

Result<void> ProfileFiles::write() {
  Result<void> all;
  for (const File& file : files_) {
    const std::string text = file.render(locks_);
    const bool done = std::fwrite(text.data(), 1, text.size(), file.stream.get()) == text.size() &&
                      std::fflush(file.stream.get()) == 0;
    if (!done && all)
      all = fail(Exit::kFailed,
                 fmt::format("cannot write to {}: {}", file.name, std::strerror(errno)));
  }
  return all;
}

}  // namespace cw
