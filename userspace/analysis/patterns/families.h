// The families of patterns, a file each. Every function says what it saw, or nothing.
#pragma once

#include <optional>
#include <string>

#include "model/report.h"

namespace cw::patterns {

using Found = std::optional<Pattern>;

// What its owner was seen doing with it (holding.cpp).
Found held_across_sleep(const LockReport& lock, const Report& report);
Found held_across_io(const LockReport& lock, const Report& report);
Found held_across_allocation(const LockReport& lock, const Report& report);
Found held_while_waiting(const LockReport& lock, const Report& report);

// How it is passed on (passing.cpp).
Found convoy(const LockReport& lock, const Report& report);
Found thundering_herd(const LockReport& lock, const Report& report);
Found pause(const LockReport& lock, const Report& report);

// Readers (readers.cpp).
Found readers_behind_writers(const LockReport& lock, const Report& report);
Found starved_writers(const LockReport& lock, const Report& report);
Found readers_on_one_word(const LockReport& lock, const Report& report);

// How much is under how many locks (spread.cpp).
Found many_small_locks(const LockReport& lock, const Report& report);
Found one_lock_under_everything(const LockReport& lock, const Report& report);
Found interpreter_lock(const LockReport& lock, const Report& report);

// What is not the lock's fault (innocent.cpp).
Found cpu_starvation(const LockReport& lock, const Report& report);
Found false_alarm(const LockReport& lock, const Report& report);

// "mutex orders::ledger".
std::string title_of(const LockReport& lock);

}  // namespace cw::patterns
