#include <fmt/format.h>

#include <algorithm>

#include "output/doctor.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/text_parts.h"

namespace cw {
namespace {

constexpr std::size_t kLabel = 9;
constexpr std::size_t kMark = 5;
constexpr std::size_t kName = 26;
constexpr std::size_t kText = kLabel + kMark + kName;  // the column where values begin
constexpr double kNoCost = 1;  // ns: what cannot be told from no cost at all

// A row of the table: what does not fit goes on below.
void write_row(Page& page, std::string_view label, std::string_view mark, std::string_view name,
               std::string_view text) {
  const std::vector<std::string> lines = wrap(printable(text), page.width() - kText);
  const std::string front = pad(label, kLabel) + pad(mark, kMark) + pad(name, kName - 1) + " ";
  page.line(front + (lines.empty() ? "" : lines.front()));
  for (std::size_t i = 1; i < lines.size(); ++i) page.line(std::string(kText, ' ') + lines[i]);
}

std::string_view mark_of(const Check& check) {
  if (check.ok) return "yes";
  return check.needed ? "NO" : "no";
}

// What is in order needs no explanation, but people ask what a right is for.
bool is_explained(const Check& check) {
  return !check.why.empty() && (!check.ok || check.group == CheckGroup::kRight);
}

void write_check(Page& page, std::string_view label, const Check& check) {
  write_row(page, label, mark_of(check), check.name,
            is_explained(check) ? check.value + "; " + check.why : check.value);
  if (!check.cure.empty()) write_row(page, "", "", "", "cure: " + check.cure);
}

void write_group(Page& page, const DoctorReport& report, CheckGroup group, std::string label,
                 std::optional<std::int32_t> pid = {}) {
  page.blank();
  for (const Check& check : report.checks) {
    if (check.group != group || check.pid != pid) continue;
    write_check(page, label, check);
    label.clear();
  }
}

std::string cost_text(const HookFacts& hook) {
  std::vector<std::string> parts;
  if (hook.cost_ns) parts.push_back(format_duration(*hook.cost_ns) + " a hit");
  if (!hook.cost_ns && !hook.bystander_ns) parts.emplace_back("not measured");
  std::string text = parts.empty() ? "" : parts.front();
  if (hook.bystander_ns) {
    if (!text.empty()) text += ", ";
    text += *hook.bystander_ns < kNoCost ? "no measurable cost to other system calls"
                                         : fmt::format("{} on every system call of the machine",
                                                       format_duration(*hook.bystander_ns));
  }
  if (!hook.when.empty()) text += "; " + hook.when;
  return text;
}

void write_costs(Page& page, const DoctorReport& report) {
  if (report.hooks.empty()) return;
  page.blank();
  std::string_view label = "cost";
  for (const HookFacts& hook : report.hooks) {
    write_row(page, label, hook.used ? "used" : "-", hook.name, cost_text(hook));
    label = "";
  }
}

std::string place_of(const std::string& function, std::uint64_t offset) {
  const std::string name = printable(function);
  return offset == 0 ? name : fmt::format("{}+{:#x}", name, offset);
}

// Of an allocator's function, or one that takes a lock or lets it go.
template <typename Site>
std::string site_text(const Site& site) {
  std::string text = site.instruction.empty() ? "not decoded" : site.instruction;
  text += site.emulated ? "; emulated" : "; single-stepped";
  if (!site.why_entry.empty()) text += fmt::format(" ({})", site.why_entry);
  if (site.cost_ns) text += fmt::format(", {} a hit", format_duration(*site.cost_ns));
  return text;
}

void write_allocators(Page& page, const ProcessAllocators& process) {
  for (const AllocatorSites& allocator : process.allocators) {
    page.blank();
    write_row(
        page, "allocator", "", allocator.allocator,
        fmt::format("{}, pid {}, {}", allocator.module, process.pid, name_of(allocator.reach)));
    for (const ProbeSite& site : allocator.sites)
      write_row(page, "", site.emulated ? "yes" : "slow",
                place_of(site.function, site.vaddr - site.entry_vaddr), site_text(site));
    for (const std::string& reason : allocator.not_observable)
      write_row(page, "", "no", "not observable", reason);
  }
}

void write_locks(Page& page, const ProcessLocks& process) {
  page.blank();
  std::string module;
  for (const LockSite& site : process.found.sites) {
    if (site.module != module)
      write_row(page, module.empty() ? "locks" : "", "", site.module,
                fmt::format("pid {}; in windows, for how often and how long locks are held",
                            process.pid));
    module = site.module;
    write_row(page, "", site.emulated ? "yes" : "slow", place_of(site.function, site.offset),
              site_text(site));
  }
  for (const std::string& reason : process.found.not_observable)
    write_row(page, module.empty() ? "locks" : "", "no", "not observable", reason);
}

std::string without_prefix(const std::string& capability) {
  constexpr std::string_view kPrefix = "CAP_";
  std::string name = capability.substr(capability.starts_with(kPrefix) ? kPrefix.size() : 0);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

void write_sufficient(Page& page, const DoctorReport& report) {
  std::string names;
  for (const CapabilityReport& capability : report.capabilities)
    if (capability.needed_here)
      names += (names.empty() ? "" : ", ") + without_prefix(capability.name);
  write_row(page, "", "", "what suffices here", names);
}

std::vector<std::int32_t> pids_in(const DoctorReport& report) {
  std::vector<std::int32_t> pids;
  for (const Check& check : report.checks)
    if (check.pid && std::ranges::find(pids, *check.pid) == pids.end()) pids.push_back(*check.pid);
  return pids;
}

}  // namespace

std::string to_text(const DoctorReport& report, const TextOptions& options) {
  Page page(options);
  page.labelled("doctor:", report.summary, report.ready ? kGreen : kRed);
  for (const std::int32_t pid : pids_in(report))
    write_group(page, report, CheckGroup::kProcess, "process", pid);
  for (const ProcessAllocators& process : report.allocators) write_allocators(page, process);
  for (const ProcessLocks& process : report.locks) write_locks(page, process);
  write_group(page, report, CheckGroup::kRight, "rights");
  write_sufficient(page, report);
  write_group(page, report, CheckGroup::kKernel, "kernel");
  write_group(page, report, CheckGroup::kHook, "hooks");
  write_costs(page, report);
  return page.take();
}

}  // namespace cw
