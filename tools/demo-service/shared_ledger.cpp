#include "shared_ledger.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

namespace orders {

// The one lock that every clerk needs for every step, and what it guards.
std::mutex ledger;  // NOLINT(misc-use-internal-linkage): a name for the observer to find

namespace {

struct Order {
  std::mutex mutex;
  OrderData data;
};
std::map<uint32_t, std::shared_ptr<Order>> book;

constexpr size_t kInboxLimit = 256;
constexpr std::chrono::milliseconds kRefreshPeriod{50};

thread_local Tally tally;

// Holds the ledger for a scope and books what that took.
class LedgerLock {
 public:
  [[gnu::always_inline]] LedgerLock() {
    if (!ledger.try_lock()) {
      const auto asked = Clock::now();
      ledger.lock();
      const auto waited = static_cast<uint64_t>((Clock::now() - asked).count());
      ++tally.contended;
      tally.wait_ns += waited;
      tally.max_wait_ns = std::max(tally.max_wait_ns, waited);
    }
    ++tally.acquisitions;
    since_ = Clock::now();
  }
  [[gnu::always_inline]] ~LedgerLock() {
    tally.held_ns += static_cast<uint64_t>((Clock::now() - since_).count());
    ledger.unlock();
  }
  LedgerLock(const LedgerLock&) = delete;
  LedgerLock& operator=(const LedgerLock&) = delete;

 private:
  Clock::time_point since_;
};

}  // namespace

// Serialises and checks an order while nobody else may touch any order.
Found lookup(uint32_t id, const Effort& effort) {
  const LedgerLock lock;
  const std::shared_ptr<Order>& order = book.at(id);
  const std::scoped_lock order_lock(order->mutex);
  std::string text;
  serialise(order->data, text);
  return {.fields = {text, std::to_string(checksum(text, effort.lookup_rounds))}};
}

void settle(uint32_t id, int64_t quantity, const Effort& effort) {
  const LedgerLock lock;
  const std::shared_ptr<Order>& order = book.at(id);
  const std::scoped_lock order_lock(order->mutex);
  order->data.quantity += quantity;
  ++order->data.revision;
  std::string text;
  serialise(order->data, text);
  order->data.seal = checksum(text, effort.settle_rounds);
}

// Walks the whole book under the lock: a pause for everybody.
int64_t refresh() {
  const LedgerLock lock;
  int64_t total_cents = 0;
  for (const auto& [id, order] : book) {
    const std::scoped_lock order_lock(order->mutex);
    total_cents += order->data.quantity * order->data.price_cents;
  }
  return total_cents;
}

std::string reply(const Found& found, const Effort& effort) {
  std::string text;
  for (const std::string& field : found.fields) text += field + "\n";
  return text + std::to_string(checksum(text, effort.reply_rounds));
}

SharedLedger::SharedLedger(const Effort& effort) : effort_(effort) {
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
  while (true) {
    Request request;
    {
      std::unique_lock lock(inbox_mutex_);
      inbox_filled_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
      if (stopping_) break;
      request = inbox_.front();
      inbox_.pop_front();
    }
    const Found found = lookup(request.order_id, effort_);
    settle(request.order_id, request.quantity, effort_);
    std::string answer = reply(found, effort_);
    send(answer);
    tally.answered(Clock::now() - request.arrived);
  }
  const std::scoped_lock lock(total_mutex_);
  total_.add(tally);
}

void SharedLedger::run_refresh() {
  pthread_setname_np(pthread_self(), "refresh");
  std::unique_lock lock(inbox_mutex_);
  while (!refresh_due_.wait_for(lock, kRefreshPeriod, [this] { return stopping_; })) {
    lock.unlock();
    refresh();
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
