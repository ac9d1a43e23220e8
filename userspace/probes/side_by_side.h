// Calls into the kernel that each wait for its RCU grace periods, tens of milliseconds: made at the
// same time they wait for the same ones.
#pragma once

#include <cstddef>
#include <functional>

namespace cw {

// Makes call(0) to call(count - 1), on threads of their own as far as there may be any, and returns
// when all have. The calls must not throw.
void side_by_side(std::size_t count, const std::function<void(std::size_t)>& call);

}  // namespace cw
