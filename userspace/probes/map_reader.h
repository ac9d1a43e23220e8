// Reads the maps in batches and makes a Snapshot of them.
#pragma once

#include <cstdint>
#include <vector>

#include "model/error.h"
#include "model/snapshot.h"
#include "probes/distinct_waiters.h"
#include "probes/lock_probes.h"

namespace cw {

// File descriptors of the maps; owned by the skeleton.
struct MapFds {
  int processes = -1;
  int images = -1;
  int threads = -1;
  int words = -1;
  int octaves = -1;
  int sites = -1;
  int stacks = -1;
};

// Fills everything but the losses. `epoch`: the poll that ends with this reading.
Result<void> read_maps(const MapFds& maps, std::uint32_t epoch, DistinctWaiters& distinct,
                       Snapshot& snapshot);

// Of the goroutines of a program, as booked among the threads.
Result<std::vector<WaitInProgress>> read_goroutine_waits(int threads, ImageId image);

Result<std::vector<KnownProcess>> read_processes(const MapFds& maps);

// Deletes a word with its histogram and call sites; true if it was there.
bool forget_word(const MapFds& maps, const Word& word);
void forget_image(const MapFds& maps, ImageId image);
// Deletes stacks that no call site and no wait in progress of `snapshot` names.
void forget_stacks_unused_in(const MapFds& maps, const Snapshot& snapshot);
// How many entries the stack map holds.
std::uint64_t count_stacks(const MapFds& maps);

}  // namespace cw
