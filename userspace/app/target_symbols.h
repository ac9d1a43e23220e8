// Joins what the kernel kept (addresses) with what the process's files tell (names).
#pragma once

#include <functional>
#include <unordered_map>

#include "app/activity.h"
#include "model/snapshot.h"
#include "model/symbolizer.h"
#include "model/unwind.h"
#include "process/process_symbols.h"
#include "process/runtimes.h"

namespace cw {

class TargetSymbols : public Symbolizer {
 public:
  using Walked = std::function<WalkedStack(StackId)>;
  explicit TargetSymbols(Walked walked) : walked_(std::move(walked)) {}

  // Opens the files of a process now, so that its names survive it.
  void adopt(ImageId image, std::int32_t pid);
  // Once for every snapshot: looks at the maps of what ran, lets go of what is forgotten.
  void refresh(const Snapshot& snapshot, const Activity& activity);
  // Between snapshots: a process may load a library and end before the next. Of many that ran,
  // those that were not looked at for longest.
  void look(const Activity& activity);

  Stack stack(ImageId image, StackId stack) override;
  Stack functions(ImageId image, StackId stack) override;
  // Null when the image is not known, or has ended.
  ProcessSymbols* process(ImageId image);
  ObjectName object_at(ImageId image, std::uint64_t address) override;
  std::uint64_t address_of(ImageId image, const WordKey& word) override;
  std::string thread_comm(ImageId image, std::uint32_t tid) override;
  std::uint32_t owner_of(ImageId image, std::uint64_t address, LockKind kind,
                         std::uint16_t op) override;
  std::optional<Asleep> asleep(ImageId image, std::uint32_t tid) override;

  // Processes whose files are open.
  [[nodiscard]] std::size_t targets() const { return targets_.size(); }

  [[nodiscard]] const Runtimes* runtimes(std::int32_t pid);

 private:
  struct Target {
    std::int32_t pid;
    ProcessSymbols symbols;
    std::optional<Runtimes> runtimes;
    bool ended = false;
    std::uint64_t looked = 0;  // in which of all looks at anyone
    std::uint64_t ran = 0;     // when its maps were read; see Activity::Process
  };
  static void read_maps(Target& target, const Activity& activity);
  Target* target_of(ImageId image);

  Walked walked_;
  std::uint64_t looks_ = 0;
  ElfCache cache_;
  std::unordered_map<ImageId, std::int32_t> pids_;  // of the images in the last snapshot
  std::unordered_map<ImageId, Target> targets_;
};

}  // namespace cw
