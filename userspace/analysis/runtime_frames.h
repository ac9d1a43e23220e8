// What the frames of a waiter's stack tell of the primitive it waits for. The knowledge is a table
// of rows; another runtime is more rows.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "analysis/classify.h"
#include "model/report.h"

namespace cw {

// By the innermost frame that a row knows, refined by rows that know what stands around it: a
// semaphore's frame says semaphore, PostgreSQL's LWLockAcquire around it says lock. Frames without
// a name are passed over, for a library that exports little: the first name that is known decides.
// Empty when no row fits.
std::optional<Classification> classify_frames(const Stack& stack, std::uint16_t op,
                                              ValueClass value);

// Index of the first frame that is neither libc's nor a runtime's lock, nor the allocator's: the
// code to look at. 0 when there is none.
std::size_t first_own_frame(const Stack& stack);

// What the stack of a waker tells: whether it let go of a lock, or signalled idle waiters.
enum class WakeMeans : std::uint8_t { kNotKnown, kUnlock, kSignal };
WakeMeans meaning_of_wake(const Stack& stack);

// "a*c": an asterisk stands for any text.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace cw
