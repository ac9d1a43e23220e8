// System calls in a tight loop, for measuring what an observer adds to each.
//   rate [CALL=eagain] [THREADS=1] [SECONDS=2] [WORDS=1] [DEPTH=0]
// CALL: eagain (a wait that does not sleep), wake (nobody to wake), timed (a wait of 1 us),
// getppid (no futex call at all).
// DEPTH: so many more frames on the stack.
// ready: pid, call, first (word), tids[]
// done:  calls, elapsed_ns, per_s (all threads), ns_per_call (of one thread), cpu_ns_per_call (the
//        same in CPU time, which a busy machine disturbs less)

#include <sys/prctl.h>

#include "workload.h"

namespace {

struct alignas(64) Slot {
  workload::Word word{0};
};

struct alignas(64) Count {
  uint64_t calls = 0;
};

std::atomic<bool> stop{false};

template <typename Call>
void loop(uint64_t& calls, std::vector<Slot>& slots, Call call) {
  const size_t words = slots.size();
  for (size_t slot = 0; !stop.load(std::memory_order_relaxed); slot = (slot + 1) % words) {
    call(slots[slot].word);
    ++calls;
  }
}

void run(std::string_view call, uint64_t& calls, std::vector<Slot>& slots) {
  constexpr int kWaitOp = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  constexpr int kWakeOp = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;
  const timespec timeout = workload::as_timespec(1000);
  if (call == "eagain")
    loop(calls, slots, [](workload::Word& word) { workload::futex(word, kWaitOp, 1); });
  if (call == "wake")
    loop(calls, slots, [](workload::Word& word) { workload::futex(word, kWakeOp, 1); });
  if (call == "timed")
    loop(calls, slots, [&](workload::Word& word) { workload::futex(word, kWaitOp, 0, &timeout); });
  if (call == "getppid") loop(calls, slots, [](workload::Word&) { syscall(SYS_getppid); });
}

// The stack that each call is made from, `depth` frames deeper.
// NOLINTNEXTLINE(misc-no-recursion)
[[gnu::noinline]] void run_below(uint64_t depth, std::string_view call, uint64_t& calls,
                                 std::vector<Slot>& slots) {
  if (depth == 0)
    run(call, calls, slots);
  else
    run_below(depth - 1, call, calls, slots);
  asm volatile("" : : "g"(&calls) : "memory");  // not a jump instead of a call
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string call = arguments.text(1, "eagain");
  const auto threads = static_cast<unsigned>(arguments.number(2, 1));
  const uint64_t seconds = arguments.number(3, 2);
  if (call != "eagain" && call != "wake" && call != "timed" && call != "getppid")
    workload::usage("rate eagain|wake|timed|getppid [THREADS] [SECONDS] [WORDS] [DEPTH]");
  prctl(PR_SET_TIMERSLACK, 1);  // inherited by the threads below

  std::vector<Slot> slots(arguments.number(4, 1));
  std::vector<Count> counts(threads);
  workload::Crew crew(threads, [&](unsigned index) {
    run_below(arguments.number(5, 0), call, counts[index].calls, slots);
  });
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .text("call", call)
                              .address("first", slots.data())
                              .numbers("tids", crew.tids()));
  const uint64_t begin = workload::now_ns();
  const uint64_t cpu_begin = workload::now_ns(CLOCK_PROCESS_CPUTIME_ID);
  crew.go();
  workload::sleep_ms(seconds * 1000);
  stop = true;
  const uint64_t elapsed = workload::now_ns() - begin;
  const uint64_t cpu = workload::now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin;
  crew.wait();
  uint64_t calls = 0;
  for (const Count& count : counts) calls += count.calls;
  workload::done_then_exit(workload::Json()
                               .number("calls", calls)
                               .number("elapsed_ns", elapsed)
                               .number("per_s", calls * 1'000'000'000 / elapsed)
                               .number("ns_per_call", calls == 0 ? 0 : elapsed * threads / calls)
                               .number("cpu_ns_per_call", calls == 0 ? 0 : cpu / calls));
}
