// A process with children: some older than the observer, some born while it watches, one of them a
// grandchild. Each makes timed waits on a word of its own and on one that all share.
//   family [BEFORE=2] [AFTER=2] [WAITS=20] [WAIT_MS=5] [HEAD_START_MS=0]
// The parent is called "cw-parent", the others "cw-child". A newborn waits HEAD_START_MS after it
// has changed its name.
// ready: pid, children[] (BEFORE of them), word (of its own, the same address in all), shared
// done:  children[] (all, the grandchild last), waits (all together), shared_waits

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "workload.h"

namespace {

constexpr size_t kMostProcesses = 256;

struct Settings {
  uint64_t before, after, waits, wait_ms, head_start_ms;
};

struct Shared {
  workload::Word word;
  std::atomic<bool> go;
  std::atomic<uint32_t> present;
  std::atomic<uint32_t> finished;
  std::atomic<pid_t> grandchild;
  std::array<workload::Truth, kMostProcesses> truths;
};

workload::Word own_word{0};

void work(Shared& shared, const Settings& settings) {
  const timespec timeout = workload::as_timespec(settings.wait_ms * 1'000'000);
  workload::Truth& truth = shared.truths[shared.present++];
  for (uint64_t i = 0; i < settings.waits; ++i) {
    truth.measure([&] { return workload::futex(shared.word, FUTEX_WAIT, 0, &timeout); });
    truth.measure(
        [&] { return workload::futex(own_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &timeout); });
  }
  ++shared.finished;
}

// Ends with its parent.
[[noreturn]] void be_child(Shared& shared, const Settings& settings, bool forks) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "cw-child");
  workload::sleep_ms(settings.head_start_ms);
  workload::poll_until([&] { return shared.go.load(); });
  if (forks) {
    const pid_t child = fork();
    if (child == 0)
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // and goes on as its parent does
    else
      shared.grandchild = child;
  }
  work(shared, settings);
  while (true) pause();
}

void have_children(std::vector<pid_t>& children, uint64_t count, Shared& shared,
                   const Settings& settings, bool first_forks) {
  for (uint64_t i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) be_child(shared, settings, first_forks && i == 0);
    children.push_back(child);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const Settings settings{.before = arguments.number(1, 2),
                          .after = arguments.number(2, 2),
                          .waits = arguments.number(3, 20),
                          .wait_ms = arguments.number(4, 5),
                          .head_start_ms = arguments.number(5, 0)};
  const uint64_t processes = settings.before + settings.after + 2;
  if (settings.before == 0 || processes > kMostProcesses)
    workload::usage("family [BEFORE>0] [AFTER] [WAITS] [WAIT_MS] [HEAD_START_MS]");
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  Shared& shared = *new (memory) Shared{};
  prctl(PR_SET_NAME, "cw-parent");

  std::vector<pid_t> children;
  have_children(children, settings.before, shared, settings, true);
  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(getpid()))
                              .numbers("children", children)
                              .address("word", &own_word)
                              .address("shared", &shared.word));
  have_children(children, settings.after, shared, settings, false);
  shared.go = true;
  work(shared, settings);
  workload::poll_until([&] { return shared.finished == processes; });
  children.push_back(shared.grandchild);
  workload::Truth total;
  for (const workload::Truth& truth : shared.truths) total += truth;
  workload::say("done", workload::Json()
                            .numbers("children", children)
                            .number("waits", total.waits)
                            .number("shared_waits", processes * settings.waits));
  workload::wait_for_eof();
  return 0;
}
