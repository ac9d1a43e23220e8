// Processes that end, are replaced, multiply or die while observed. All waits are timed out ones
// on one word, whose address is the same after exec (the program is not position-independent).
//   life exit [K=10] [WAIT_MS=5]         K waits, `done`, then exits without waiting for stdin
//   life exec [K=10] [M=7] [WAIT_MS=5]   K waits, executes itself, M waits
//   life fork [K=10] [M=7] [WAIT_MS=5]   K waits, forks; the child makes M waits and stays
//   life kill [K=10] [WAIT_MS=5]         K waits, then SIGKILLs itself while a thread waits
//   life eat                             takes memory until it is killed, while a thread waits
// ready: pid, word
// done:  Truth of the K waits (of the M ones after exec) and, by mode: waits_before (exec);
//        child, child_waits, child_sum_ns (fork); waiter, since_ns (kill)

#include <sys/mman.h>

#include <csignal>
#include <cstring>

#include "workload.h"

workload::Word life_word{0};  // NOLINT(misc-use-internal-linkage): looked up by name

namespace {

workload::Truth make_waits(uint64_t count, uint64_t wait_ms) {
  workload::Truth truth;
  const timespec timeout = workload::as_timespec(wait_ms * 1'000'000);
  for (uint64_t i = 0; i < count; ++i)
    truth.measure(
        [&] { return workload::futex(life_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &timeout); });
  return truth;
}

[[noreturn]] void exec_self(char* self, const workload::Truth& before, uint64_t m, uint64_t ms) {
  std::array<std::string, 4> words{"resumed", std::to_string(m), std::to_string(ms),
                                   std::to_string(before.waits)};
  std::array<char*, 6> arguments{self};
  for (size_t i = 0; i < words.size(); ++i) arguments[i + 1] = words[i].data();
  execv("/proc/self/exe", arguments.data());
  _exit(1);
}

[[noreturn]] void fork_self(const workload::Truth& truth, uint64_t m, uint64_t ms) {
  std::array<int, 2> report{-1, -1};
  if (pipe(report.data()) != 0) _exit(1);
  const pid_t child = fork();
  if (child == 0) {
    const workload::Truth own = make_waits(m, ms);
    if (write(report[1], &own, sizeof(own)) != sizeof(own)) _exit(1);
    workload::wait_for_eof();
    _exit(0);
  }
  workload::Truth own;
  if (read(report[0], &own, sizeof(own)) != sizeof(own)) _exit(1);
  workload::done_then_exit(truth.json()
                               .number("child", static_cast<uint64_t>(child))
                               .number("child_waits", own.waits)
                               .number("child_sum_ns", own.sum_ns));
}

[[noreturn]] void kill_self(const workload::Truth& truth) {
  workload::Handshake handshake;
  std::atomic<uint64_t> since{0};
  workload::Crew crew(1, [&](unsigned) {
    since = workload::now_ns();
    handshake.about_to_wait();
    workload::futex(life_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0);
  });
  crew.go();
  handshake.await_asleep(1, crew.tids()[0]);
  workload::say("done", truth.json()
                            .number("waiter", static_cast<uint64_t>(crew.tids()[0]))
                            .number("since_ns", since));
  kill(getpid(), SIGKILL);
  while (true) pause();
}

[[noreturn]] void eat() {
  workload::Crew crew(
      1, [](unsigned) { workload::futex(life_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0); });
  crew.go();
  constexpr size_t kBite = 1UL << 20U;
  while (true) {
    void* bite = mmap(nullptr, kBite, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bite == MAP_FAILED) _exit(1);
    std::memset(bite, 1, kBite);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string mode = arguments.text(1, "");
  if (mode == "resumed") {
    const workload::Truth after = make_waits(arguments.number(2, 7), arguments.number(3, 5));
    workload::done_then_exit(after.json().number("waits_before", arguments.number(4, 0)));
  }
  if (mode != "exit" && mode != "exec" && mode != "fork" && mode != "kill" && mode != "eat")
    workload::usage("life exit|kill|eat [K] [WAIT_MS], life exec|fork [K] [M] [WAIT_MS]");
  const bool has_m = mode == "exec" || mode == "fork";
  const uint64_t k = arguments.number(2, 10);
  const uint64_t m = arguments.number(3, 7);
  const uint64_t wait_ms = arguments.number(has_m ? 4 : 3, 5);

  workload::ready_then_go(
      workload::Json().number("pid", static_cast<uint64_t>(getpid())).address("word", &life_word));
  const workload::Truth truth = make_waits(k, wait_ms);
  if (mode == "exec") exec_self(argv[0], truth, m, wait_ms);
  if (mode == "fork") fork_self(truth, m, wait_ms);
  if (mode == "kill") kill_self(truth);
  if (mode == "eat") eat();
  workload::say("done", truth.json());
  _exit(0);
}
