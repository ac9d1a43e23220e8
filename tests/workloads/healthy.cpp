// Small services with nothing wrong, though some look busy:  healthy SERVICE
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string_view>

#include "service.h"

namespace orders {
namespace {

using service::rest_us;
using service::start;
using service::work_us;

// --- a pool that waits for work most of the time ---

std::mutex inbox_mutex;
std::condition_variable inbox_filled;
std::deque<int> inbox;

void take_one() {
  {
    std::unique_lock lock(inbox_mutex);
    inbox_filled.wait(lock, [] { return !inbox.empty(); });
    inbox.pop_front();
  }
  work_us(100);
}
void put_one() {
  {
    const std::scoped_lock lock(inbox_mutex);
    inbox.push_back(1);
  }
  inbox_filled.notify_one();
}
void pool() {
  start(8, [](unsigned) { take_one(); });
  start(1, [](unsigned) {
    put_one();
    rest_us(1'000);
  });
}

// --- each thread has its own part and its own lock ---

struct alignas(64) Shard {
  std::mutex mutex;
  uint64_t total = 0;
};
std::array<Shard, 4> shards;

void sharded() {
  start(4, [](unsigned number) {
    {
      const std::scoped_lock lock(shards.at(number).mutex);
      work_us(20);
      ++shards.at(number).total;
    }
    rest_us(100);
  });
}

// --- one lock for all, taken often and held for next to nothing ---

std::mutex counters;
uint64_t counted = 0;

void brief() {
  start(4, [](unsigned) {
    for (int i = 0; i < 20; ++i) {
      const std::scoped_lock lock(counters);
      ++counted;
    }
    rest_us(200);
  });
}

// --- readers only ---

std::shared_mutex rates;

void readers() {
  start(6, [](unsigned) {
    {
      const std::shared_lock lock(rates);
      work_us(20);
    }
    rest_us(200);
  });
}

// --- two threads hand each other work, each waits for the other in turn ---

std::mutex turn_mutex;
std::condition_variable turn_changed;
unsigned turn = 0;

void pipeline() {
  start(2, [](unsigned number) {
    {
      std::unique_lock lock(turn_mutex);
      turn_changed.wait(lock, [&] { return turn == number; });
    }
    work_us(300);
    {
      const std::scoped_lock lock(turn_mutex);
      turn = 1 - number;
    }
    turn_changed.notify_one();
  });
}

}  // namespace
}  // namespace orders

int main(int argc, char** argv) {
  const std::map<std::string_view, void (*)()> services = {
      {"pool", orders::pool},       {"sharded", orders::sharded},   {"brief", orders::brief},
      {"readers", orders::readers}, {"pipeline", orders::pipeline},
  };
  const auto service = services.find(argc == 2 ? argv[1] : "");
  if (service == services.end()) workload::usage("healthy SERVICE");
  service->second();
  service::serve();
}
