// Small services with one mistake each, as people make them:  defects MISTAKE
#include <malloc.h>
#include <sched.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "service.h"

namespace orders {

using service::rest_us;
using service::start;
using service::work_us;

// NOLINTBEGIN(misc-use-internal-linkage): names for the observer to find
std::mutex ledger;
std::shared_mutex rates;
// NOLINTEND(misc-use-internal-linkage)

namespace {

// --- one lock guards everything ---

[[gnu::noinline]] void lookup() {
  const std::scoped_lock lock(ledger);
  work_us(40);
}
[[gnu::noinline]] void settle() {
  const std::scoped_lock lock(ledger);
  work_us(50);
}
[[gnu::noinline]] void ship() {
  const std::scoped_lock lock(ledger);
  work_us(60);
}
void one_lock_under_everything() {
  start(6, [](unsigned) {
    for (auto* const step : {lookup, settle, ship}) {
      step();
      rest_us(30);
    }
  });
}

// --- an order each with its own lock, taken one after the other ---

struct Order {
  std::mutex mutex;
  uint64_t total = 0;
};
std::vector<std::shared_ptr<Order>> book;

[[gnu::noinline]] void total_up(size_t stride) {
  for (size_t i = 0; i < book.size(); ++i) {
    Order& order = *book[i * stride % book.size()];
    const std::scoped_lock lock(order.mutex);
    rest_us(100);  // as long as it may take, and no CPU of this machine
    ++order.total;
  }
}
void many_small_locks() {
  for (int i = 0; i < 47; ++i) book.push_back(std::make_shared<Order>());  // a prime
  start(10, [](unsigned number) { total_up(number + 1); });
}

// --- held across a sleep ---

[[gnu::noinline]] void retry_later() {
  const std::scoped_lock lock(ledger);
  rest_us(2'000);
}
void held_across_sleep() {
  start(3, [](unsigned) {
    retry_later();
    rest_us(500);
  });
}

// --- held across input and output ---

std::array<int, 2> request{};
std::array<int, 2> reply{};

[[gnu::noinline]] void store() {
  const std::scoped_lock lock(ledger);
  char letter = 'x';
  if (write(request[1], &letter, 1) != 1 || read(reply[0], &letter, 1) != 1) _exit(1);
}
void held_across_io() {
  if (pipe(request.data()) != 0 || pipe(reply.data()) != 0) _exit(1);
  start(1, [](unsigned) {  // a disk
    char letter = 0;
    if (read(request[0], &letter, 1) != 1) _exit(1);
    rest_us(1'000);
    if (write(reply[1], &letter, 1) != 1) _exit(1);
  });
  start(3, [](unsigned) {
    store();
    rest_us(300);
  });
}

// --- an allocation under the lock waits for the allocator, and so does who waits for the lock ---

std::vector<void*> fragments;

[[gnu::noinline]] void make_invoice() {
  const std::scoped_lock lock(ledger);
  void* const page = std::malloc(40'000);
  static_cast<volatile char*>(page)[0] = 1;
  std::free(page);
}
// One arena, in which counting what there is takes its time.
void fragment_the_heap() {
  mallopt(M_ARENA_MAX, 1);
  std::vector<void*> blocks;
  blocks.reserve(60'000);
  for (int i = 0; i < 60'000; ++i) blocks.push_back(std::malloc(1500));
  for (size_t i = 0; i < blocks.size(); i += 2) std::free(blocks[i]);
  fragments = std::move(blocks);
}
void held_across_allocation() {
  fragment_the_heap();
  start(1, [](unsigned) { static_cast<void>(mallinfo2()); });  // counts them, over and over
  start(3, [](unsigned) {
    make_invoice();
    rest_us(50);
  });
}

// --- readers wait while one writes at leisure ---

[[gnu::noinline]] void quote() {
  const std::shared_lock lock(rates);
  work_us(5);
}
[[gnu::noinline]] void update() {
  const std::scoped_lock lock(rates);
  work_us(4'000);
}
void readers_behind_writers() {
  start(1, [](unsigned) {
    update();
    rest_us(3'000);
  });
  start(5, [](unsigned) {
    quote();
    rest_us(200);
  });
}

// --- readers follow each other so closely that a writer is not let in ---

[[gnu::noinline]] void browse() {
  const std::shared_lock lock(rates);
  rest_us(2'000);
}
[[gnu::noinline]] void reprice() {
  const std::scoped_lock lock(rates);
  work_us(20);
}
void starved_writers() {
  start(1, [](unsigned) {
    reprice();
    rest_us(1'000);
  });
  start(4, [](unsigned) { browse(); });
}

// --- all are woken, one can go on ---

std::condition_variable arrived;
uint64_t round_now = 0;

[[gnu::noinline]] void serve_order(uint64_t& seen) {
  std::unique_lock lock(ledger);
  arrived.wait(lock, [&] { return round_now != seen; });
  seen = round_now;
  work_us(80);
}
void thundering_herd() {
  start(8, [](unsigned) {
    static thread_local uint64_t seen = 0;
    serve_order(seen);
  });
  start(1, [](unsigned) {
    rest_us(1'000);
    {
      const std::scoped_lock lock(ledger);
      ++round_now;
    }
    arrived.notify_all();
  });
}

// --- a walk through everything under the lock, now and then ---

[[gnu::noinline]] void refresh() {
  const std::scoped_lock lock(ledger);
  work_us(6'000);
}
[[gnu::noinline]] void take_order() {
  const std::scoped_lock lock(ledger);
  work_us(10);
}
void pause() {
  start(1, [](unsigned) {
    refresh();
    rest_us(6'000);
  });
  start(5, [](unsigned) {
    take_order();
    rest_us(50);
  });
}

// --- no lock's fault: one CPU for all of this ---

void cpu_starvation() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);  // inherited by the threads to come
  start(6, [](unsigned) {
    {
      const std::scoped_lock lock(ledger);
      work_us(5);
    }
    work_us(20);
  });
}

// --- everybody allocates from one arena ---

[[gnu::noinline]] void parse() {
  std::array<void*, 16> blocks{};
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i] = std::malloc(1'100 + 16 * i);
  for (void* const block : blocks) std::free(block);
}
void one_arena() {
  fragment_the_heap();
  start(1, [](unsigned) { static_cast<void>(mallinfo2()); });
  start(4, [](unsigned) {
    parse();
    rest_us(100);
  });
}

}  // namespace
}  // namespace orders

int main(int argc, char** argv) {
  const std::map<std::string_view, void (*)()> mistakes = {
      {"one_lock_under_everything", orders::one_lock_under_everything},
      {"many_small_locks", orders::many_small_locks},
      {"held_across_sleep", orders::held_across_sleep},
      {"held_across_io", orders::held_across_io},
      {"held_across_allocation", orders::held_across_allocation},
      {"readers_behind_writers", orders::readers_behind_writers},
      {"starved_writers", orders::starved_writers},
      {"thundering_herd", orders::thundering_herd},
      {"pause", orders::pause},
      {"cpu_starvation", orders::cpu_starvation},
      {"one_arena", orders::one_arena},
  };
  const auto mistake = mistakes.find(argc == 2 ? argv[1] : "");
  if (mistake == mistakes.end()) workload::usage("defects MISTAKE");
  mistake->second();
  service::serve();
}
