#include "sharded_ledger.h"

#include <pthread.h>

#include <string>

namespace orders {

ShardedLedger::ShardedLedger(const Effort& effort) : effort_(effort) {
  for (unsigned number = 0; number < kClerks; ++number) {
    Shard& shard = *shards_.emplace_back(std::make_unique<Shard>());
    for (uint32_t id = number; id < kOrders; id += kClerks) shard.orders.push_back(new_order(id));
    shard.inbox.reserve(kInboxLimit);
    shard.thread = std::jthread([this, number, &shard] { run_clerk(number, shard); });
  }
}

bool ShardedLedger::submit(const Request& request) {
  Shard& shard = *shards_[request.order_id % kClerks];
  {
    const std::scoped_lock lock(shard.mutex);
    if (shard.inbox.size() >= kInboxLimit) return false;
    shard.inbox.push_back(request);
  }
  shard.filled.notify_one();
  return true;
}

// Nobody else can change the order between look-up and settlement, so it is checked once, not
// twice; and the buffers are used again.
void ShardedLedger::answer(Shard& shard, const Request& request, std::string& text,
                           std::string& replies) const {
  OrderData& order = shard.orders[request.order_id / kClerks];
  order.quantity += request.quantity;
  ++order.revision;
  serialise(order, text);
  order.seal = checksum(text, effort_.settle_rounds);
  shard.total_cents.fetch_add(request.quantity * order.price_cents, std::memory_order_relaxed);

  order.seal ^= checksum(text, effort_.reply_rounds);
  replies.append(text);
}

void ShardedLedger::run_clerk(unsigned number, Shard& shard) const {
  pthread_setname_np(pthread_self(), ("clerk-" + std::to_string(number)).c_str());
  std::vector<Request> batch;
  batch.reserve(kInboxLimit);
  std::string text;
  std::string replies;
  while (true) {
    {
      std::unique_lock lock(shard.mutex);
      shard.filled.wait(lock, [&shard] { return shard.stopping || !shard.inbox.empty(); });
      if (shard.stopping) return;
      batch.swap(shard.inbox);
    }
    for (const Request& request : batch) answer(shard, request, text, replies);
    send(replies);
    for (const Request& request : batch) shard.tally.answered(Clock::now() - request.arrived);
    batch.clear();
  }
}

Tally ShardedLedger::stop() {
  Tally total;
  for (const auto& shard : shards_) {
    {
      const std::scoped_lock lock(shard->mutex);
      shard->stopping = true;
    }
    shard->filled.notify_one();
    shard->thread.join();
    total.add(shard->tally);
  }
  return total;
}

}  // namespace orders
