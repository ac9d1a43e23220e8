#include "intake.h"

#include <pthread.h>

#include <thread>

namespace orders {

uint64_t run_intake(const std::stop_token& stop, Service& service, bool crowd) {
  pthread_setname_np(pthread_self(), "intake");
  constexpr std::chrono::milliseconds kTick{1};
  constexpr uint64_t kPerTick = kRequestsPerSecond / 1000;
  uint64_t turned_away = 0;
  uint64_t random = 1;
  auto next = Clock::now();
  while (!stop.stop_requested()) {
    bool taken = true;
    for (uint64_t i = 0; crowd ? taken : i < kPerTick; ++i) {
      random = random * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX generator
      const Request request{.order_id = static_cast<uint32_t>(random >> 33) % kOrders,
                            .quantity = static_cast<int64_t>(random >> 60) - 7,
                            .arrived = Clock::now()};
      taken = service.submit(request);
      turned_away += taken ? 0 : 1;
    }
    next += kTick;
    std::this_thread::sleep_until(next);
  }
  return turned_away;
}

}  // namespace orders
