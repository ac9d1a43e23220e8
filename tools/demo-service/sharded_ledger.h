#pragma once
// The redesign: each clerk owns its part of the orders, so that there is nothing to lock.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "effort.h"
#include "service.h"

namespace orders {

class ShardedLedger final : public Service {
 public:
  explicit ShardedLedger(const Effort& effort);
  bool submit(const Request& request) override;
  Tally stop() override;

 private:
  // Everything of one clerk, on its own cache lines.
  struct alignas(64) Shard {
    std::vector<OrderData> orders;  // order N is at N / kClerks
    Tally tally;

    // Held only for as long as it takes to append a request or to swap two vectors.
    std::mutex mutex;
    std::condition_variable filled;
    std::vector<Request> inbox;
    bool stopping = false;

    std::atomic<int64_t> total_cents{0};  // kept up to date as orders change: nobody has to walk
    std::jthread thread;
  };

  void run_clerk(unsigned number, Shard& shard) const;
  void answer(Shard& shard, const Request& request, std::string& text, std::string& replies) const;

  Effort effort_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace orders
