#include "app/target_symbols.h"

#include <algorithm>
#include <span>
#include <vector>

#include "process/owner.h"
#include "process/proc.h"
#include "process/waiting_threads.h"

namespace cw {
namespace {

constexpr std::size_t kRefreshedALook = 16;

}  // namespace

void TargetSymbols::adopt(ImageId image, std::int32_t pid) {
  if (!targets_.contains(image))
    targets_.emplace(
        image,
        Target{.pid = pid, .symbols = ProcessSymbols(pid, cache_), .runtimes = {}, .ended = false});
}

// What did not run mapped nothing.
void TargetSymbols::read_maps(Target& target, const Activity& activity) {
  const std::uint64_t ran = activity.ran(target.pid);
  if (ran == 0 || target.ran != ran) target.symbols.refresh();
  target.ran = ran;
}

void TargetSymbols::refresh(const Snapshot& snapshot, const Activity& activity) {
  pids_.clear();
  for (const auto& [id, image] : snapshot.images) pids_[id] = image.pid;
  std::erase_if(targets_, [&](const auto& entry) { return !pids_.contains(entry.first); });
  for (auto& [id, target] : targets_) {
    target.ended = snapshot.images.at(id).ended_ns != 0;
    if (target.ended)
      target.symbols.freeze();
    else
      read_maps(target, activity);
  }
}

void TargetSymbols::look(const Activity& activity) {
  std::vector<Target*> longest_ago;
  longest_ago.reserve(targets_.size());
  for (auto& [id, target] : targets_) {
    const std::uint64_t ran = activity.ran(target.pid);
    if (ran == 0 || target.ran != ran) longest_ago.push_back(&target);
  }
  const std::size_t some = std::min(longest_ago.size(), kRefreshedALook);
  std::ranges::partial_sort(longest_ago, longest_ago.begin() + static_cast<std::ptrdiff_t>(some),
                            {}, [](const Target* target) { return target->looked; });
  for (Target* target : std::span(longest_ago).first(some)) {
    read_maps(*target, activity);
    target->looked = ++looks_;
  }
}

TargetSymbols::Target* TargetSymbols::target_of(ImageId image) {
  if (const auto pid = pids_.find(image); pid != pids_.end()) adopt(image, pid->second);
  const auto target = targets_.find(image);
  return target == targets_.end() ? nullptr : &target->second;
}

Stack TargetSymbols::stack(ImageId image, StackId stack) {
  Target* target = target_of(image);
  return target == nullptr ? Stack{} : target->symbols.symbolize(walked_(stack), Detail::kLines);
}

Stack TargetSymbols::functions(ImageId image, StackId stack) {
  Target* target = target_of(image);
  return target == nullptr ? Stack{} : target->symbols.symbolize(walked_(stack));
}

ProcessSymbols* TargetSymbols::process(ImageId image) {
  Target* target = target_of(image);
  return target == nullptr || target->ended ? nullptr : &target->symbols;
}

ObjectName TargetSymbols::object_at(ImageId image, std::uint64_t address) {
  Target* target = target_of(image);
  return target == nullptr ? ObjectName{} : target->symbols.object_at(address);
}

std::uint64_t TargetSymbols::address_of(ImageId image, const WordKey& word) {
  Target* target = target_of(image);
  if (target == nullptr || word.scope != WordKey::Scope::kFile) return 0;
  const auto& mappings = target->symbols.memory_map().mappings();
  const auto holds = [&](const Mapping& mapping) {
    return mapping.shared && mapping.inode == word.space &&
           (mapping.device_major << 20U | mapping.device_minor) == word.device &&
           word.address >= mapping.offset &&
           word.address - mapping.offset < mapping.end - mapping.start;
  };
  const auto found = std::ranges::find_if(mappings, holds);
  return found == mappings.end() ? 0 : found->start + (word.address - found->offset);
}

std::string TargetSymbols::thread_comm(ImageId image, std::uint32_t tid) {
  const Target* target = target_of(image);
  return target == nullptr || target->ended
             ? ""
             : thread_comm_of(target->pid, static_cast<std::int32_t>(tid));
}

std::uint32_t TargetSymbols::owner_of(ImageId image, std::uint64_t address, LockKind kind,
                                      std::uint16_t op) {
  const Target* target = target_of(image);
  return target == nullptr || target->ended ? 0 : lock_owner(target->pid, address, kind, op);
}

std::optional<Asleep> TargetSymbols::asleep(ImageId image, std::uint32_t tid) {
  const Target* target = target_of(image);
  if (target == nullptr || target->ended) return std::nullopt;
  const auto sleep = futex_sleep(target->pid, static_cast<std::int32_t>(tid));
  if (!sleep || sleep->with_timeout) return std::nullopt;
  return Asleep{.address = sleep->address, .sleeps = sleep->switches};
}

const Runtimes* TargetSymbols::runtimes(std::int32_t pid) {
  const auto found = std::ranges::find_if(
      targets_, [&](const auto& entry) { return entry.second.pid == pid && !entry.second.ended; });
  if (found == targets_.end()) return nullptr;
  Target& target = found->second;
  if (!target.runtimes) target.runtimes = runtimes_of(target.symbols);
  return &*target.runtimes;
}

}  // namespace cw
