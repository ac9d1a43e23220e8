#include "process/return_probes.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "process/proc.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::size_t kMostThreads = 1024;
constexpr std::size_t kLongestStatus = 8192;
using Version = std::pair<unsigned, unsigned>;
constexpr Version kReturnsByCall{6, 11};
constexpr Version kCallIsLetPass{6, 14};

Version kernel_version() {
  utsname names{};
  Version version{0, 0};
  if (uname(&names) != 0) return version;
  const std::string release = names.release;
  const std::size_t dot = release.find('.');
  const auto number_at = [&](std::size_t place, unsigned& number) {
    if (place < release.size())
      std::from_chars(release.data() + place, release.data() + release.size(), number);
  };
  number_at(0, version.first);
  if (dot != std::string::npos) number_at(dot + 1, version.second);
  return version;
}

// The rest of the line that begins so; empty when there is none.
std::string_view field_of(std::string_view status, std::string_view name) {
  for (std::size_t at = 0; at < status.size();) {
    const std::size_t end = std::min(status.find('\n', at), status.size());
    const std::string_view line = status.substr(at, end - at);
    if (line.starts_with(name)) return line.substr(name.size());
    at = end + 1;
  }
  return {};
}

}  // namespace

std::string why_no_return_probes(const std::string& status, unsigned major, unsigned minor) {
  const std::string_view seccomp = field_of(status, "Seccomp:");
  if (seccomp.find_first_of("12") != std::string_view::npos)
    return "it has a seccomp filter, which may end it for a probe at a call's return";
  if (Version{major, minor} < kReturnsByCall &&
      field_of(status, "x86_Thread_features:").find("shstk") != std::string_view::npos)
    return "it has a shadow stack, which this kernel does not keep in step with return probes";
  return {};
}

std::string why_no_return_probes(std::int32_t pid) {
  const Version kernel = kernel_version();
  if (kernel >= kReturnsByCall && kernel < kCallIsLetPass)
    return fmt::format(
        "Linux {}.{} may end processes with seccomp filters for a probe at a call's return",
        kernel.first, kernel.second);
  const Fd process = open_process(pid);
  const std::vector<std::int32_t> threads = tids_of(pid);
  if (threads.size() > kMostThreads) return "it has too many threads to look at each of them";
  std::vector<char> buffer(kLongestStatus);
  for (const std::int32_t tid : threads) {
    const std::string path = fmt::format("task/{}/status", tid);
    const std::string status(read_small(process.get(), path.c_str(), buffer));
    const std::string why = why_no_return_probes(status, kernel.first, kernel.second);
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace cw
