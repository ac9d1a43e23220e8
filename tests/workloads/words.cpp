// Many words, each waited on once: what fills an observer's tables.
//   words [WORDS=10000] [THREADS=2] [TIMEOUT_US=50]
// ready: pid, words, first, stride, tids[]
// done:  Truth over all words

#include <sys/prctl.h>

#include "workload.h"

namespace {

struct alignas(64) Slot {
  workload::Word word{0};
};

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const uint64_t count = arguments.number(1, 10'000);
  const auto threads = static_cast<unsigned>(arguments.number(2, 2));
  const uint64_t timeout_ns = arguments.number(3, 50) * 1000;
  prctl(PR_SET_TIMERSLACK, 1);  // inherited by the threads below

  std::vector<Slot> slots(count);
  std::vector<workload::Truth> truths(threads);
  workload::Crew crew(threads, [&](unsigned index) {
    const timespec timeout = workload::as_timespec(timeout_ns);
    for (uint64_t slot = index; slot < count; slot += threads)
      truths[index].measure([&] {
        return workload::futex(slots[slot].word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &timeout);
      });
  });
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .number("words", count)
                              .address("first", slots.data())
                              .number("stride", sizeof(Slot))
                              .numbers("tids", crew.tids()));
  crew.go();
  crew.wait();
  workload::Truth total;
  for (const workload::Truth& truth : truths) total += truth;
  workload::done_then_exit(total.json());
}
