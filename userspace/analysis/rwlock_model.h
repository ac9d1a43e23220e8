// The closed queue of queue_model.h with a reader-writer lock: readers share it. As glibc's default
// has it, readers pass by waiting writers, and a writer that lets go lets waiting readers in first.
// Solved exactly for exponential times, as a Markov chain.
#pragma once

#include <cstdint>

namespace cw {

struct RwLoad {
  std::uint64_t threads = 0;
  double think_s = 0;
  double read_share = 0;  // of the acquisitions
  double read_s = 0;      // mean hold of a reader
  double write_s = 0;     // of a writer
  double handover_s = 0;  // as in LockLoad; after a writer
  std::uint64_t locks = 1;
  double cpus = 0;  // so many readers of a lock get on at once; 0: any number
};

// Acquisitions a second, of both kinds, of all locks together.
double rw_rate(const RwLoad& load);

}  // namespace cw
