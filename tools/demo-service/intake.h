#pragma once

#include <cstdint>
#include <stop_token>

#include "service.h"

namespace orders {

constexpr uint64_t kRequestsPerSecond = 16'000;

// The customers: hands in requests at a fixed rate whatever becomes of them, until stopped; or, in
// a crowd, as many as are taken. Returns how many were turned away.
uint64_t run_intake(const std::stop_token& stop, Service& service, bool crowd);

}  // namespace orders
