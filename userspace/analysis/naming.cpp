#include "analysis/naming.h"

#include <fmt/format.h>

#include <algorithm>

namespace cw {
namespace {

// Different stacks may go through the same functions: so many are looked at for each row shown.
constexpr std::size_t kStacksPerRow = 4;

// "heap, locked in orders::lookup": where it was first seen waited on, so that it keeps its name.
std::string with_function(const Lock& lock, const Memory& memory) {
  std::string function = lock.own;
  for (const WordId id : lock.word_ids)
    if (const auto first = memory.first_seen.find(id); first != memory.first_seen.end()) {
      function = first->second.function;
      break;
    }
  if (function.empty()) return lock.report.object;
  return fmt::format("{}, {} in {}", lock.report.object,
                     is_idle(lock.report.kind) ? "waited for" : "locked", function);
}

void name_site(Lock& lock) {
  lock.report.object = "a word of each waiter";
  if (lock.names_itself) {
    lock.report.name = lock.report.primitive;
    return;
  }
  const char* const verb = is_idle(lock.report.kind) ? "waited for" : "locked";
  lock.report.name = lock.own.empty()
                         ? fmt::format("{}, locked in code without a name", lock.report.primitive)
                         : fmt::format("{} {} in {}", lock.report.primitive, verb, lock.own);
}

// In each process that waits for it.
void add_places(Lock& lock, Symbolizer& symbolizer) {
  std::vector<LockPlace>& places = lock.report.places;
  for (const auto& [image, pid] : lock.images) {
    const std::uint64_t address = lock.key.scope == WordKey::Scope::kFile
                                      ? symbolizer.address_of(image, lock.key)
                                      : lock.key.address;
    if (address != 0) places.push_back({.pid = pid, .address = address});
  }
}

void name_object(Lock& lock, const Memory& memory, Symbolizer& symbolizer) {
  LockReport& report = lock.report;
  add_places(lock, symbolizer);
  const std::uint64_t address = lock.key.scope == WordKey::Scope::kFile
                                    ? symbolizer.address_of(lock.image, lock.key)
                                    : lock.key.address;
  if (address == 0) return;
  ObjectName found = symbolizer.object_at(lock.image, address);
  if (!found.object.empty()) report.object = found.object;
  report.has_symbol = !found.name.empty() && report.kind != LockKind::kGil;
  if (report.has_symbol)
    report.name = std::move(found.name);
  else if (lock.names_itself)
    report.name = report.primitive;
  else if (found.object == "heap" || found.object.starts_with("stack of "))
    report.name = with_function(lock, memory);
  else
    report.name = report.object;
}

void name_owner(Lock& lock, Symbolizer& symbolizer) {
  const LockKind kind = lock.report.kind;
  if ((kind != LockKind::kMutex && kind != LockKind::kRwlock) || !lock.sure) return;
  if (lock.notes_no_owner || lock.report.per_waiter_words || lock.report.objects > 1) return;
  const std::uint64_t address = lock.key.scope == WordKey::Scope::kFile
                                    ? symbolizer.address_of(lock.image, lock.key)
                                    : lock.report.address;
  if (address == 0) return;
  const std::uint32_t tid = symbolizer.owner_of(lock.image, address, kind, lock.op);
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

void remember_first_sight(const Lock& lock, Memory& memory) {
  if (lock.own.empty() || lock.report.per_waiter_words) return;
  for (const WordId id : lock.word_ids)
    memory.first_seen.try_emplace(id, Memory::FirstSeen{.image = lock.image, .function = lock.own});
}

void name_by_address(Lock& lock) {
  if (lock.report.objects > 1) return;  // a class has its name
  if (lock.report.per_waiter_words) {
    name_site(lock);
    return;
  }
  const bool shared = lock.key.scope == WordKey::Scope::kFile;
  lock.report.object = shared
                           ? fmt::format("shared inode {}+{:#x}", lock.key.space, lock.key.address)
                           : fmt::format("{:#x}", lock.key.address);
  lock.report.name = lock.report.object;
}

void name_lock(Lock& lock, std::size_t rows, const Memory& memory, Symbolizer& symbolizer,
               StackNames& stacks) {
  name_by_address(lock);
  if (!lock.report.per_waiter_words && lock.report.objects == 1)
    name_object(lock, memory, symbolizer);
  name_owner(lock, symbolizer);
  name_waiters(lock, rows, stacks);
  name_releasers(lock, rows, stacks);
}

}  // namespace cw
