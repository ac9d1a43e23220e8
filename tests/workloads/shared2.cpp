// Two processes share one futex word, mapped at different addresses, and take turns: one waits, the
// other wakes it.
//   shared2 [BACKING=memfd] [COUNT=20] [WAIT_MS=5]
// BACKING: memfd, or shm (a file in /dev/shm, unlinked at once).
// ready: pid, child, word (the parent's address), child_word, offset (in the file)
// done:  parent {Truth}, child {Truth}, wakes (both sides)

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

namespace {

// The whole of the shared file. The word is neither first nor on the first page.
struct Shared {
  std::array<std::atomic<uint64_t>, 2> announced;
  std::array<std::atomic<uint64_t>, 2> returned;
  std::atomic<uintptr_t> child_word;
  std::atomic<bool> child_done;
  workload::Truth child_truth;
  uint64_t child_wakes;
  std::array<char, 4096> gap;
  workload::Word word;
};

int open_backing(const std::string& backing) {
  if (backing == "memfd") return static_cast<int>(syscall(SYS_memfd_create, "shared2", 0));
  const std::string path = "/dev/shm/contentionwatch-shared2-" + std::to_string(getpid());
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  unlink(path.c_str());
  return fd;
}

Shared* map(int fd) {
  void* address = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) _exit(1);
  return static_cast<Shared*>(address);
}

void wait_once(Shared& shared, int side, workload::Truth& truth) {
  ++shared.announced[side];
  truth.measure([&] { return workload::futex(shared.word, FUTEX_WAIT, 0); });
  ++shared.returned[side];
}

uint64_t wake_once(Shared& shared, int side, pid_t process, uint64_t round, uint64_t wait_ms) {
  workload::poll_until([&] {
    return shared.announced[side] >= round && workload::asleep_in(process, process, SYS_futex);
  });
  workload::sleep_ms(wait_ms);
  const bool woke = workload::futex(shared.word, FUTEX_WAKE, 1) == 1;
  workload::poll_until([&] { return shared.returned[side] >= round; });
  return woke ? 1 : 0;
}

// Rounds alternate: first the child waits and the parent wakes, then the other way round.
[[noreturn]] void be_child(int fd, Shared* inherited, pid_t parent, uint64_t count,
                           uint64_t wait_ms, int go) {
  Shared& shared = *map(fd);
  munmap(inherited, sizeof(Shared));
  shared.child_word = reinterpret_cast<uintptr_t>(&shared.word);
  char letter = 0;
  if (read(go, &letter, 1) != 1) _exit(0);
  for (uint64_t round = 1; round <= count; ++round) {
    wait_once(shared, 1, shared.child_truth);
    shared.child_wakes += wake_once(shared, 0, parent, round, wait_ms);
  }
  shared.child_done = true;
  (void)!read(go, &letter, 1);  // until the parent ends
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string backing = arguments.text(1, "memfd");
  const uint64_t count = arguments.number(2, 20);
  const uint64_t wait_ms = arguments.number(3, 5);
  if (backing != "memfd" && backing != "shm")
    workload::usage("shared2 memfd|shm [COUNT] [WAIT_MS]");

  const int fd = open_backing(backing);
  std::array<int, 2> go{-1, -1};
  if (fd < 0 || ftruncate(fd, sizeof(Shared)) != 0 || pipe(go.data()) != 0) return 1;
  Shared& shared = *map(fd);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    close(go[1]);
    be_child(fd, &shared, parent, count, wait_ms, go[0]);
  }
  workload::poll_until([&] { return shared.child_word != 0; });

  workload::ready_then_go(workload::Json()
                              .number("pid", static_cast<uint64_t>(parent))
                              .number("child", static_cast<uint64_t>(child))
                              .address("word", &shared.word)
                              .address("child_word", shared.child_word.load())
                              .number("offset", offsetof(Shared, word)));
  if (write(go[1], "g", 1) != 1) return 1;

  workload::Truth truth;
  uint64_t wakes = 0;
  for (uint64_t round = 1; round <= count; ++round) {
    wakes += wake_once(shared, 1, child, round, wait_ms);
    wait_once(shared, 0, truth);
  }
  workload::poll_until([&] { return shared.child_done.load(); });
  workload::say("done", workload::Json()
                            .list("sides", {truth.json().str(), shared.child_truth.json().str()})
                            .number("wakes", wakes + shared.child_wakes));
  workload::wait_for_eof();
  close(go[1]);
  waitpid(child, nullptr, 0);
  return 0;
}
