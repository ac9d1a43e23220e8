#include "app/target_symbols.h"

#include <algorithm>

#include "process/owner.h"
#include "process/proc.h"

namespace cw {

void TargetSymbols::adopt(ImageId image, std::int32_t pid) {
  if (!targets_.contains(image))
    targets_.emplace(
        image,
        Target{.pid = pid, .symbols = ProcessSymbols(pid, cache_), .runtimes = {}, .ended = false});
}

void TargetSymbols::refresh(const Snapshot& snapshot) {
  pids_.clear();
  for (const auto& [id, image] : snapshot.images) pids_[id] = image.pid;
  std::erase_if(targets_, [&](const auto& entry) { return !pids_.contains(entry.first); });
  for (auto& [id, target] : targets_) {
    target.ended = snapshot.images.at(id).ended_ns != 0;
    if (target.ended)
      target.symbols.freeze();
    else
      target.symbols.refresh();
  }
}

void TargetSymbols::refresh_all() {
  for (auto& [id, target] : targets_) target.symbols.refresh();
}

TargetSymbols::Target* TargetSymbols::target_of(ImageId image) {
  if (const auto pid = pids_.find(image); pid != pids_.end()) adopt(image, pid->second);
  const auto target = targets_.find(image);
  return target == targets_.end() ? nullptr : &target->second;
}

Stack TargetSymbols::stack(ImageId image, StackId stack) {
  Target* target = target_of(image);
  const std::vector<std::uint64_t> addresses = addresses_(stack);
  return target == nullptr || addresses.empty() ? Stack{} : target->symbols.symbolize(addresses);
}

Stack TargetSymbols::stack_at(ImageId image, StackId stack) {
  Target* target = target_of(image);
  const std::vector<std::uint64_t> addresses = addresses_(stack);
  return target == nullptr || addresses.empty() ? Stack{}
                                                : target->symbols.symbolize(addresses, true);
}

ProcessSymbols* TargetSymbols::process(ImageId image) {
  Target* target = target_of(image);
  return target == nullptr || target->ended ? nullptr : &target->symbols;
}

ObjectName TargetSymbols::object_at(ImageId image, std::uint64_t address) {
  Target* target = target_of(image);
  return target == nullptr ? ObjectName{} : target->symbols.object_at(address);
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

const Runtimes* TargetSymbols::runtimes(std::int32_t pid) {
  const auto found = std::ranges::find_if(
      targets_, [&](const auto& entry) { return entry.second.pid == pid && !entry.second.ended; });
  if (found == targets_.end()) return nullptr;
  Target& target = found->second;
  if (!target.runtimes) target.runtimes = runtimes_of(target.symbols);
  return &*target.runtimes;
}

}  // namespace cw
