#include "probes/armed_probes.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "probes/lock_hooks.h"

namespace cw {
namespace {

// Of one turn and file: sites of one program.
struct Batch {
  const bpf_program* program = nullptr;
  UprobeKind kind = UprobeKind::kCalls;
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint64_t> cookies;
};

}  // namespace

struct ArmedProbes::Links {
  std::vector<Fd> at_once;
  std::vector<Link> one_by_one;

  ~Links() {
    while (!at_once.empty()) at_once.pop_back();
    while (!one_by_one.empty()) one_by_one.pop_back();
  }

  // Both tell by errno why they failed.
  bool attach_at_once(std::int32_t pid, const std::string& file, const Batch& batch) {
    // The skeleton is libbpf's to fill in. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
    Fd link = attach_uprobes(bpf_program__fd(batch.program), batch.kind, pid,
                             {.file = file, .offsets = batch.offsets, .cookies = batch.cookies});
    if (!link) return false;
    at_once.push_back(std::move(link));
    return true;
  }

  bool attach_one_by_one(std::int32_t pid, const std::string& file, const Batch& batch) {
    for (std::size_t i = 0; i < batch.offsets.size(); ++i) {
      bpf_uprobe_opts options{};
      options.sz = sizeof(options);
      options.bpf_cookie = batch.cookies[i];
      Link link(bpf_program__attach_uprobe_opts(batch.program, pid, file.c_str(), batch.offsets[i],
                                                &options));
      if (!link) return false;
      one_by_one.push_back(std::move(link));
    }
    return true;
  }
};
ArmedProbes::ArmedProbes() = default;
ArmedProbes::ArmedProbes(ArmedProbes&&) noexcept = default;
ArmedProbes& ArmedProbes::operator=(ArmedProbes&&) noexcept = default;
ArmedProbes::~ArmedProbes() = default;

Result<ArmedProbes> arm_sites(std::int32_t pid, std::span<const ProbedSite> sites, UprobeWay way) {
  std::map<std::pair<std::uint32_t, std::string>, Batch> in_turn;
  for (const ProbedSite& site : sites) {
    Batch& batch = in_turn[{site.turn, site.file}];
    batch.program = site.program;
    batch.kind = site.kind;
    batch.offsets.push_back(site.offset);
    batch.cookies.push_back(site.cookie);
  }
  ArmedProbes armed;
  armed.links_ = std::make_unique<ArmedProbes::Links>();
  for (const auto& [turn, batch] : in_turn) {
    const std::string& file = turn.second;
    const bool attached = way == UprobeWay::kSingle
                              ? armed.links_->attach_one_by_one(pid, file, batch)
                              : armed.links_->attach_at_once(pid, file, batch);
    if (!attached && (errno == EINVAL || errno == EOPNOTSUPP))
      return fail(Exit::kFailed,
                  "functions cannot be probed: this kernel has no uprobe.multi (Linux 6.6)");
    if (!attached && errno == ESRCH) return fail(Exit::kNoProcess, "the process has ended");
    if (!attached)
      return fail(Exit::kFailed, fmt::format("cannot probe {}: {}", file, std::strerror(errno)));
  }
  return armed;
}

}  // namespace cw
