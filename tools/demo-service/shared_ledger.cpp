#include "shared_ledger.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>

namespace orders {

// NOLINTBEGIN(misc-use-internal-linkage): names for the observer to find
// The one lock that every clerk needs for every step, and what it guards.
std::mutex ledger;
// Instead of it, where the design has it so.
std::array<std::mutex, kParts> ledger_parts;
std::shared_mutex ledger_rw;
// NOLINTEND(misc-use-internal-linkage)

namespace {

struct Order {
  std::mutex mutex;
  OrderData data;
};
std::map<uint32_t, std::shared_ptr<Order>> book;

constexpr std::chrono::milliseconds kRefreshPeriod{50};

thread_local Tally tally;

// Half of the rounds are for after the lock, where the design has it so.
unsigned under_lock(unsigned rounds, Design design) {
  return design == Design::kHalf ? rounds - rounds / 2 : rounds;
}
unsigned after_lock(unsigned rounds, Design design) {
  return design == Design::kHalf ? rounds / 2 : 0;
}

struct Shared {  // a std::shared_mutex, to be read under
  std::shared_mutex& mutex;
  void lock() { mutex.lock_shared(); }
  bool try_lock() { return mutex.try_lock_shared(); }
  void unlock() { mutex.unlock_shared(); }
};

// Holds a lock for a scope and books what that took.
template <typename Lock>
class Held {
 public:
  [[gnu::always_inline]] explicit Held(Lock& lock) : lock_(lock) {
    if (!lock_.try_lock()) {
      const auto asked = Clock::now();
      lock_.lock();
      const auto waited = static_cast<uint64_t>((Clock::now() - asked).count());
      ++tally.contended;
      tally.wait_ns += waited;
      tally.max_wait_ns = std::max(tally.max_wait_ns, waited);
    }
    ++tally.acquisitions;
    since_ = Clock::now();
  }
  [[gnu::always_inline]] ~Held() {
    tally.held_ns += static_cast<uint64_t>((Clock::now() - since_).count());
    lock_.unlock();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  Lock& lock_;
  Clock::time_point since_;
};

enum class Access : uint8_t { kRead, kWrite };

// What the design guards an order with, held while `work` is done.
template <typename Work>
[[gnu::always_inline]] inline void guarded(Design design, uint32_t id, Access access, Work work) {
  if (design == Design::kSplit) {
    const Held held(ledger_parts.at(id % kParts));
    work();
  } else if (design == Design::kReadWrite && access == Access::kRead) {
    Shared reading{ledger_rw};
    const Held held(reading);
    work();
  } else if (design == Design::kReadWrite) {
    const Held held(ledger_rw);
    work();
  } else {
    const Held held(ledger);
    work();
  }
}

}  // namespace

// Serialises and checks orders while nobody else may touch any order.
std::vector<Found> lookup(Requests requests, Design design, const Effort& effort) {
  std::vector<Found> found(requests.size());
  std::string text;
  uint64_t seal = 0;
  guarded(design, requests.front().order_id, Access::kRead, [&] {
    for (size_t i = 0; i < requests.size(); ++i) {
      const std::shared_ptr<Order>& order = book.at(requests[i].order_id);
      const std::scoped_lock order_lock(order->mutex);
      serialise(order->data, text);
      seal = checksum(text, under_lock(effort.lookup_rounds, design));
      found[i].fields = {text, std::to_string(seal)};
    }
  });
  if (const unsigned rounds = after_lock(effort.lookup_rounds, design); rounds != 0)
    found.front().fields.push_back(std::to_string(checksum(text, rounds)));
  return found;
}

void settle(Requests requests, Design design, const Effort& effort) {
  std::string text;
  guarded(design, requests.front().order_id, Access::kWrite, [&] {
    for (const Request& request : requests) {
      const std::shared_ptr<Order>& order = book.at(request.order_id);
      const std::scoped_lock order_lock(order->mutex);
      order->data.quantity += request.quantity;
      ++order->data.revision;
      serialise(order->data, text);
      order->data.seal = checksum(text, under_lock(effort.settle_rounds, design));
    }
  });
  if (const unsigned rounds = after_lock(effort.settle_rounds, design); rounds != 0)
    tally.sealed += checksum(text, rounds);
}

// Walks the whole book under the lock: a pause for everybody.
int64_t refresh(Design design) {
  int64_t total_cents = 0;
  guarded(design, 0, Access::kRead, [&] {
    for (const auto& [id, order] : book) {
      const std::scoped_lock order_lock(order->mutex);
      total_cents += order->data.quantity * order->data.price_cents;
    }
  });
  return total_cents;
}

std::string reply(const Found& found, const Effort& effort) {
  std::string text;
  for (const std::string& field : found.fields) text += field + "\n";
  return text + std::to_string(checksum(text, effort.reply_rounds));
}

SharedLedger::SharedLedger(const Effort& effort, Design design) : effort_(effort), design_(design) {
  for (uint32_t id = 0; id < kOrders; ++id) {
    book[id] = std::make_shared<Order>();
    book[id]->data = new_order(id);
  }
  for (unsigned number = 0; number < kClerks; ++number)
    threads_.emplace_back([this, number] { run_clerk(number); });
  threads_.emplace_back([this] { run_refresh(); });
}

bool SharedLedger::submit(const Request& request) {
  {
    const std::scoped_lock lock(inbox_mutex_);
    if (inbox_.size() >= kInboxLimit) return false;
    inbox_.push_back(request);
  }
  inbox_filled_.notify_one();
  return true;
}

void SharedLedger::run_clerk(unsigned number) {
  pthread_setname_np(pthread_self(), ("clerk-" + std::to_string(number)).c_str());
  const size_t at_once = design_ == Design::kBatched ? kBatch : 1;
  std::vector<Request> batch;
  while (true) {
    batch.clear();
    {
      std::unique_lock lock(inbox_mutex_);
      inbox_filled_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
      if (stopping_) break;
      for (; !inbox_.empty() && batch.size() < at_once; inbox_.pop_front())
        batch.push_back(inbox_.front());
    }
    const std::vector<Found> found = lookup(batch, design_, effort_);
    settle(batch, design_, effort_);
    for (size_t i = 0; i < batch.size(); ++i) {
      std::string answer = reply(found[i], effort_);
      send(answer);
      tally.answered(Clock::now() - batch[i].arrived);
    }
  }
  const std::scoped_lock lock(total_mutex_);
  total_.add(tally);
}

void SharedLedger::run_refresh() {
  pthread_setname_np(pthread_self(), "refresh");
  std::unique_lock lock(inbox_mutex_);
  while (!refresh_due_.wait_for(lock, kRefreshPeriod, [this] { return stopping_; })) {
    lock.unlock();
    refresh(design_);
    lock.lock();
  }
  const std::scoped_lock total_lock(total_mutex_);
  total_.add(tally);
}

Tally SharedLedger::stop() {
  {
    const std::scoped_lock lock(inbox_mutex_);
    stopping_ = true;
  }
  inbox_filled_.notify_all();
  refresh_due_.notify_all();
  threads_.clear();  // joins
  return total_;
}

}  // namespace orders
