// Makes blocks whose lives it knows: how long each lasts, and which thread ends it.
//   alloc_lives [WAY=malloc] [THREADS=1] [SECONDS=5] [ROUND_US=200] [FILTER=0]
// SECONDS=0: until it is told to stop.
// WAY: malloc, or new: which functions make the blocks. FILTER=1: under a seccomp filter that ends
// who makes a system call it does not know.
// In each round a thread makes
//   5 scratch    freed at once
//   3 session    freed 9 ms later
//   2 message    freed by another thread as soon as it looks, each 100 us
//   1 grown      resized twice, then freed: three blocks
// ready: pid
// done:  made, short (ended within 1 ms), elsewhere (by another thread), ended, elapsed_ns; and
//        sites[] {function, made, short, elsewhere, ended}

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#include "workload.h"

namespace {

constexpr uint64_t kShortNs = 1'000'000;
constexpr uint64_t kSessionNs = 9'000'000;
constexpr size_t kRing = 4096;  // a power of two

std::atomic<bool> stop{false};
bool with_new = false;

struct Lives {
  uint64_t made = 0;
  uint64_t ended = 0;
  uint64_t brief = 0;
  uint64_t elsewhere = 0;

  void end(uint64_t born_ns, bool in_another = false) {
    ++ended;
    brief += workload::now_ns() - born_ns < kShortNs ? 1 : 0;
    elsewhere += in_another ? 1 : 0;
  }
  Lives& operator+=(const Lives& other) {
    made += other.made;
    ended += other.ended;
    brief += other.brief;
    elsewhere += other.elsewhere;
    return *this;
  }
};

struct Block {
  void* memory = nullptr;
  uint64_t born_ns = 0;
};

void* make(size_t size) {
  void* const memory = with_new ? ::operator new(size) : std::malloc(size);
  asm volatile("" : : "r"(memory) : "memory");
  return memory;
}

void end(void* memory) {
  if (with_new)
    ::operator delete(memory);
  else
    std::free(memory);
}

[[gnu::noinline]] Block make_scratch() {
  return {.memory = make(48), .born_ns = workload::now_ns()};
}
[[gnu::noinline]] Block make_session() {
  return {.memory = make(300), .born_ns = workload::now_ns()};
}
[[gnu::noinline]] Block make_message() {
  return {.memory = make(120), .born_ns = workload::now_ns()};
}

// One thread puts in, one takes out.
class Queue {
 public:
  bool put(Block block) {
    const size_t at = put_.load(std::memory_order_relaxed);
    if (at - taken_.load(std::memory_order_acquire) == kRing) return false;
    blocks_[at % kRing] = block;
    put_.store(at + 1, std::memory_order_release);
    return true;
  }
  [[nodiscard]] const Block* oldest() const {
    const size_t at = taken_.load(std::memory_order_relaxed);
    return at == put_.load(std::memory_order_acquire) ? nullptr : &blocks_[at % kRing];
  }
  void take() { taken_.fetch_add(1, std::memory_order_release); }

 private:
  std::array<Block, kRing> blocks_{};
  std::atomic<size_t> put_{0};
  std::atomic<size_t> taken_{0};
};

struct Maker {
  Lives scratch;
  Lives session;
  Lives message;
  Lives grown;
  Queue sessions;
  Queue messages;
};

[[gnu::noinline]] void grow(Lives& lives) {
  void* memory = std::malloc(40);
  uint64_t born_ns = workload::now_ns();
  for (const size_t size : {400U, 4000U}) {
    ++lives.made;
    lives.end(born_ns);
    memory =
        std::realloc(memory, size);  // NOLINT(bugprone-suspicious-realloc-usage): does not fail
    asm volatile("" : : "r"(memory) : "memory");
    born_ns = workload::now_ns();
  }
  ++lives.made;
  lives.end(born_ns);
  std::free(memory);
}

void one_round(Maker& maker) {
  for (int i = 0; i < 5; ++i) {
    const Block block = make_scratch();
    ++maker.scratch.made;
    maker.scratch.end(block.born_ns);
    end(block.memory);
  }
  for (int i = 0; i < 3; ++i)
    if (maker.sessions.put(make_session())) ++maker.session.made;
  for (int i = 0; i < 2; ++i)
    if (maker.messages.put(make_message())) ++maker.message.made;
  grow(maker.grown);
  const uint64_t now = workload::now_ns();
  for (const Block* block = maker.sessions.oldest();
       block != nullptr && now - block->born_ns >= kSessionNs; block = maker.sessions.oldest()) {
    maker.session.end(block->born_ns);
    end(block->memory);
    maker.sessions.take();
  }
}

void make_blocks(Maker& maker, uint64_t round_ns) {
  for (uint64_t next = workload::now_ns(); !stop; next += round_ns) {
    one_round(maker);
    const uint64_t now = workload::now_ns();
    if (next > now) workload::sleep_ns(next - now);
  }
}

void read_messages(Maker& maker) {
  while (!stop) {
    for (const Block* block = maker.messages.oldest(); block != nullptr;
         block = maker.messages.oldest()) {
      maker.message.end(block->born_ns, true);
      end(block->memory);
      maker.messages.take();
    }
    workload::sleep_ns(100'000);
  }
}

// Ends whoever makes a call whose number lies in the gap where only new ones were put (335 to 423
// on x86-64: a probe at a return makes the first of them).
bool set_up_filter() {
  std::array<sock_filter, 5> program{
      sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{BPF_JMP | BPF_JGE | BPF_K, 0, 2, 335},
      sock_filter{BPF_JMP | BPF_JGE | BPF_K, 1, 0, 424},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

workload::Json json_of(const Lives& lives) {
  workload::Json json;
  json.number("made", lives.made)
      .number("short", lives.brief)
      .number("elsewhere", lives.elsewhere)
      .number("ended", lives.ended);
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string way = arguments.text(1, "malloc");
  const auto threads = static_cast<unsigned>(arguments.number(2, 1));
  const uint64_t seconds = arguments.number(3, 5);
  const uint64_t round_ns = arguments.number(4, 200) * 1000;
  if (way != "malloc" && way != "new")
    workload::usage("alloc_lives malloc|new [THREADS] [SECONDS] [ROUND_US] [FILTER]");
  with_new = way == "new";
  if (arguments.number(5, 0) != 0 && !set_up_filter()) return 1;

  std::vector<Maker> makers(threads);
  workload::Crew crew(2 * threads, [&](unsigned index) {
    Maker& maker = makers[index / 2];
    if (index % 2 == 0)
      make_blocks(maker, round_ns);
    else
      read_messages(maker);
  });
  workload::ready_then_go(workload::Json().number("pid", static_cast<uint64_t>(getpid())));
  const uint64_t begin = workload::now_ns();
  crew.go();
  workload::work_for(seconds);
  stop = true;
  const uint64_t elapsed = workload::now_ns() - begin;
  crew.wait();
  Maker all;
  for (unsigned i = 0; i < threads; ++i) {
    all.scratch += makers[i].scratch;
    all.session += makers[i].session;
    all.message += makers[i].message;
    all.grown += makers[i].grown;
  }
  Lives sum;
  for (const Lives* lives : {&all.scratch, &all.session, &all.message, &all.grown}) sum += *lives;
  const auto site = [](const char* function, const Lives& lives) {
    return json_of(lives).text("function", function).str();
  };
  workload::done_then_exit(
      json_of(sum)
          .number("elapsed_ns", elapsed)
          .list("sites", {site("make_scratch", all.scratch), site("make_session", all.session),
                          site("make_message", all.message), site("grow", all.grown)}));
}
