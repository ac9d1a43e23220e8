// One wait that is disturbed: by SIGSTOP and SIGCONT from the test, or by a signal of its own.
//   stopcont [MODE=plain] [WAIT_MS=400] [SIGNAL=none]
// MODE: plain (woken after WAIT_MS), relative or absolute (times out after WAIT_MS).
// SIGNAL: none; restart or norestart: half-way, the waiter runs a handler installed with or
// without SA_RESTART. An interrupted wait (EINTR) is made again for the time that is left.
// ready: pid, word, waiter. On `go` the wait begins; `asleep {}` is printed once it sleeps.
// done:  Truth (one entry a call that returned), handled (signals handled)

#include <csignal>

#include "workload.h"

workload::Word stop_word{0};  // NOLINT(misc-use-internal-linkage): looked up by name

namespace {

volatile sig_atomic_t handled = 0;
workload::Truth truth;
workload::Handshake handshake;

void on_signal(int /*number*/) {
  handled = handled + 1;
}

long wait_call(std::string_view mode, uint64_t deadline) {
  if (mode == "plain")
    return workload::futex(stop_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, nullptr);
  if (mode == "absolute") {
    const timespec until = workload::as_timespec(deadline);
    return workload::futex(stop_word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &until, nullptr,
                           FUTEX_BITSET_MATCH_ANY);
  }
  const uint64_t now = workload::now_ns();
  const timespec left = workload::as_timespec(deadline > now ? deadline - now : 0);
  return workload::futex(stop_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &left);
}

void wait_to_the_end(std::string_view mode, uint64_t wait_ms) {
  const uint64_t deadline = workload::now_ns() + wait_ms * 1'000'000;
  handshake.about_to_wait();
  while (true) {
    const long result = truth.measure([&] { return wait_call(mode, deadline); });
    if (result == 0 || errno != EINTR) return;
    handshake.about_to_wait();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string mode = arguments.text(1, "plain");
  const uint64_t wait_ms = arguments.number(2, 400);
  const std::string signal_kind = arguments.text(3, "none");
  if (mode != "plain" && mode != "relative" && mode != "absolute")
    workload::usage("stopcont plain|relative|absolute [WAIT_MS] [none|restart|norestart]");

  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = signal_kind == "restart" ? SA_RESTART : 0;
  sigaction(SIGUSR1, &action, nullptr);

  workload::Crew crew(1, [&](unsigned) { wait_to_the_end(mode, wait_ms); });
  const pid_t waiter = crew.tids()[0];
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .address("word", &stop_word)
                              .number("waiter", static_cast<uint64_t>(waiter)));
  crew.go();
  handshake.await_asleep(1, waiter);
  const uint64_t begin = workload::now_ns();
  workload::say("asleep", workload::Json());
  if (signal_kind != "none") {
    workload::sleep_ms(wait_ms / 2);
    syscall(SYS_tgkill, getpid(), waiter, SIGUSR1);
    workload::poll_until([] { return handled > 0; });
  }
  if (mode == "plain") {
    const uint64_t spent = workload::now_ns() - begin;
    if (spent < wait_ms * 1'000'000) workload::sleep_ns(wait_ms * 1'000'000 - spent);
    workload::poll_until([&] { return workload::asleep_in(getpid(), waiter, SYS_futex); });
    workload::futex(stop_word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
  }
  crew.wait();
  workload::done_then_exit(truth.json().number("handled", static_cast<uint64_t>(handled)));
}
