#include "model/report.h"

namespace cw {

bool is_idle(LockKind kind) {
  return kind >= LockKind::kCondvar;
}

const char* name_of(LockKind kind) {
  switch (kind) {
    case LockKind::kMutex:
      return "mutex";
    case LockKind::kRwlock:
      return "rwlock";
    case LockKind::kAllocator:
      return "allocator";
    case LockKind::kGil:
      return "gil";
    case LockKind::kStdio:
      return "stdio";
    case LockKind::kOnce:
      return "once";
    case LockKind::kUnknown:
      return "unknown";
    case LockKind::kCondvar:
      return "condvar";
    case LockKind::kSemaphore:
      return "semaphore";
    case LockKind::kBarrier:
      return "barrier";
    case LockKind::kJoin:
      return "join";
    case LockKind::kPark:
      return "park";
    case LockKind::kEventcount:
      return "eventcount";
  }
  return "unknown";
}

const char* name_of(Level level) {
  switch (level) {
    case Level::kFine:
      return "fine";
    case Level::kSuspect:
      return "suspect";
    case Level::kCulprit:
      return "culprit";
  }
  return "fine";
}

NotListed& NotListed::operator+=(const NotListed& other) {
  count += other.count;
  waits += other.waits;
  sum_ns += other.sum_ns;
  waiters_mean += other.waiters_mean;
  return *this;
}

}  // namespace cw
