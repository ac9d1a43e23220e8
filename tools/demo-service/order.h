#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace orders {

using Clock = std::chrono::steady_clock;

constexpr unsigned kClerks = 6;
constexpr uint32_t kOrders = 20'000;

struct Request {
  uint32_t order_id = 0;
  int64_t quantity = 0;
  Clock::time_point arrived;
};

// What an order holds, whichever way it is stored.
struct OrderData {
  uint32_t id = 0;
  int64_t quantity = 0;
  int64_t price_cents = 0;
  uint64_t revision = 0;
  uint64_t seal = 0;
};

inline OrderData new_order(uint32_t id) {
  return OrderData{.id = id, .quantity = 1'000, .price_cents = 100 + id % 900};
}

}  // namespace orders
