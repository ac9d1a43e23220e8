#include "analysis/naming.h"

#include <fmt/format.h>

#include <algorithm>

namespace cw {
namespace {

// Different stacks may go through the same functions: so many are looked at for each row shown.
constexpr std::size_t kStacksPerRow = 4;

void name_object(Lock& lock, Symbolizer& symbolizer) {
  // A file word's address is an offset: nothing to look up in a process.
  if (lock.key.scope == WordKey::Scope::kFile) return;
  ObjectName found = symbolizer.object_at(lock.image, lock.key.address);
  if (!found.object.empty()) lock.report.object = found.object;
  lock.report.name = found.name.empty() ? lock.report.object : std::move(found.name);
}

void name_owner(Lock& lock, Symbolizer& symbolizer) {
  if (lock.report.kind != LockKind::kMutex || !lock.sure || lock.report.address == 0) return;
  const std::uint32_t tid =
      symbolizer.owner_of(lock.image, lock.report.address, lock.report.kind, lock.op);
  if (tid == 0) return;
  lock.report.owner = Owner{.tid = tid, .comm = symbolizer.thread_comm(lock.image, tid)};
}

void name_waiters(Lock& lock, std::size_t rows, StackNames& stacks) {
  std::uint64_t total = 0;
  for (const WaitRow& row : lock.waiters) total += row.wait_ns;
  std::vector<Waiters>& shown = lock.report.waiters;
  for (std::size_t i = 0; i < std::min(lock.waiters.size(), rows * kStacksPerRow); ++i) {
    const WaitRow& row = lock.waiters[i];
    const Stack& stack = stacks.of(row.image, row.stack);
    const std::optional<std::string> mode =
        row.mode.empty() ? std::nullopt : std::optional(row.mode);
    auto same = std::ranges::find_if(shown, [&](const Waiters& other) {
      return other.mode == mode && same_functions(other.stack, stack);
    });
    if (same == shown.end())
      same = shown.insert(shown.end(), {.share = 0, .waits = 0, .mode = mode, .stack = stack});
    same->share += share_of(row.wait_ns, total);
    same->waits += row.waits;
  }
  std::ranges::sort(shown, std::ranges::greater{}, &Waiters::share);
  if (shown.size() > rows) shown.resize(rows);
}

void name_releasers(Lock& lock, std::size_t rows, StackNames& stacks) {
  std::uint64_t total = 0;
  for (const WakeRow& row : lock.releasers) total += row.charged_ns;
  std::vector<Releasers>& shown = lock.report.releasers;
  for (std::size_t i = 0; i < std::min(lock.releasers.size(), rows * kStacksPerRow); ++i) {
    const WakeRow& row = lock.releasers[i];
    const Stack& stack = stacks.of(row.image, row.stack);
    auto same = std::ranges::find_if(
        shown, [&](const Releasers& other) { return same_functions(other.stack, stack); });
    if (same == shown.end())
      same = shown.insert(shown.end(), {.share = 0, .wakes = 0, .stack = stack});
    same->share += share_of(row.charged_ns, total);
    same->wakes += row.wakes;
  }
  std::ranges::sort(shown, std::ranges::greater{}, &Releasers::share);
  if (shown.size() > rows) shown.resize(rows);
}

}  // namespace

void name_by_address(Lock& lock) {
  const bool shared = lock.key.scope == WordKey::Scope::kFile;
  lock.report.object = shared
                           ? fmt::format("shared inode {}+{:#x}", lock.key.space, lock.key.address)
                           : fmt::format("{:#x}", lock.key.address);
  lock.report.name = lock.report.object;
}

void name_lock(Lock& lock, std::size_t rows, Symbolizer& symbolizer, StackNames& stacks) {
  name_by_address(lock);
  name_object(lock, symbolizer);
  name_owner(lock, symbolizer);
  name_waiters(lock, rows, stacks);
  name_releasers(lock, rows, stacks);
}

}  // namespace cw
