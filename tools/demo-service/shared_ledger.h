#pragma once
// The design that grew: everything shared, everything guarded.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "design.h"
#include "effort.h"
#include "service.h"

namespace orders {

struct Found {
  std::vector<std::string> fields;
};

using Requests = std::span<const Request>;  // one, or a batch

// The steps of a request. Functions of their own, so that a stack shows which one it was.
[[gnu::noinline]] std::vector<Found> lookup(Requests requests, Design design, const Effort& effort);
[[gnu::noinline]] void settle(Requests requests, Design design, const Effort& effort);
[[gnu::noinline]] std::string reply(const Found& found, const Effort& effort);
[[gnu::noinline]] int64_t refresh(Design design);  // run now and then by a thread of its own

class SharedLedger final : public Service {
 public:
  SharedLedger(const Effort& effort, Design design);
  bool submit(const Request& request) override;
  Tally stop() override;

 private:
  void run_clerk(unsigned number);
  void run_refresh();

  Effort effort_;
  Design design_;
  Tally total_;
  std::mutex total_mutex_;

  // The clerks idle on the condition variable until there is something to do: waiting, but not
  // contention.
  std::mutex inbox_mutex_;
  std::condition_variable inbox_filled_;
  std::deque<Request> inbox_;
  bool stopping_ = false;

  std::condition_variable refresh_due_;
  std::vector<std::jthread> threads_;
};

}  // namespace orders
