#pragma once
// What all workloads share: the protocol with the test that started them, and exact bookkeeping.
//
//   workload                        test
//   `ready {json}\n`  ------------>  attaches its observer
//                     <------------  `go\n`
//   (the work)       <------------  `stop\n`, where that is what it waits for
//   `done {json}\n`   ------------>  takes its last snapshot
//                     <------------  closes stdin: the workload exits with 0
//
// Nothing here may make a futex call of its own: what the observer counts must be the work and
// nothing else. So threads poll with nanosleep, block in read(2), and are never joined.

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace workload {

// Constant-initialised, aligned 32 bits, as the kernel wants its futex words.
using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free);

inline uint32_t* raw(Word& word) {
  return reinterpret_cast<uint32_t*>(&word);
}

inline pid_t tid() {
  return static_cast<pid_t>(syscall(SYS_gettid));
}

inline uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now{};
  static_cast<void>(clock_gettime(clock, &now));
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

inline timespec as_timespec(uint64_t ns) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(ns / 1'000'000'000U);
  time.tv_nsec = static_cast<long>(ns % 1'000'000'000U);
  return time;
}

// Sleeps for the whole time whatever signals arrive (SIGCONT among them).
inline void sleep_ns(uint64_t ns) {
  const timespec until = as_timespec(now_ns() + ns);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}
inline void sleep_ms(uint64_t ms) {
  sleep_ns(ms * 1'000'000U);
}

template <typename Condition>
void poll_until(Condition condition) {
  while (!condition()) sleep_ns(100'000);
}

inline long futex(Word& word, int op, uint32_t value = 0, const timespec* timeout = nullptr,
                  Word* other = nullptr, uint32_t value3 = 0) {
  return syscall(SYS_futex, raw(word), op, value, timeout, other, value3);
}

// The requeue and wake-op calls take a count where the others take a timeout.
inline long futex_two(Word& word, int op, uint32_t value, uint32_t value2, Word& other,
                      uint32_t value3) {
  return syscall(SYS_futex, raw(word), op, value, static_cast<uintptr_t>(value2), raw(other),
                 value3);
}

// True when the thread is blocked in system call `number`: not on its way there, not running.
inline bool asleep_in(pid_t process, pid_t thread, long number) {
  const std::string path =
      "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/syscall";
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  std::array<char, 32> text{};
  const size_t length = std::fread(text.data(), 1, text.size() - 1, file);
  static_cast<void>(std::fclose(file));
  if (length == 0 || text[0] == 'r' || text[0] == '-') return false;  // "running", or no call
  return std::strtol(text.data(), nullptr, 10) == number;
}

class Json {
 public:
  Json& number(std::string_view key, uint64_t value) { return plain(key, std::to_string(value)); }
  Json& text(std::string_view key, std::string_view value) {
    return plain(key, "\"" + std::string(value) + "\"");
  }
  Json& flag(std::string_view key, bool value) { return plain(key, value ? "true" : "false"); }
  Json& address(std::string_view key, uintptr_t value) { return plain(key, hex(value)); }
  Json& address(std::string_view key, const void* value) {
    return address(key, reinterpret_cast<uintptr_t>(value));
  }
  Json& addresses(std::string_view key, const std::vector<const void*>& values) {
    std::string list;
    for (const void* value : values)
      list += (list.empty() ? "" : ",") + hex(reinterpret_cast<uintptr_t>(value));
    return plain(key, "[" + list + "]");
  }
  Json& list(std::string_view key, const std::vector<std::string>& items) {
    std::string joined;
    for (const std::string& item : items) joined += (joined.empty() ? "" : ",") + item;
    return plain(key, "[" + joined + "]");
  }
  Json& numbers(std::string_view key, const std::vector<pid_t>& values) {
    std::vector<std::string> items;
    items.reserve(values.size());
    for (const pid_t value : values) items.push_back(std::to_string(value));
    return list(key, items);
  }
  [[nodiscard]] std::string str() const { return "{" + fields_ + "}"; }

 private:
  static std::string hex(uintptr_t value) {
    std::string digits;
    for (; value != 0 || digits.empty(); value /= 16)
      digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
    return "\"0x" + digits + "\"";
  }
  Json& plain(std::string_view key, const std::string& value) {
    if (!fields_.empty()) fields_ += ',';
    fields_ += "\"" + std::string(key) + "\":" + value;
    return *this;
  }
  std::string fields_;
};

// What really happened, seen from the two sides of each system call.
struct Truth {
  uint64_t waits = 0;  // calls that slept
  uint64_t woken = 0;
  uint64_t timed_out = 0;
  uint64_t interrupted = 0;
  uint64_t raced = 0;  // calls that did not sleep: EAGAIN
  uint64_t failed = 0;
  uint64_t sum_ns = 0;
  uint64_t max_ns = 0;

  void add(long result, int error, uint64_t ns) {
    if (result < 0 && error == EAGAIN) {
      ++raced;
      return;
    }
    if (result < 0 && error != ETIMEDOUT && error != EINTR) {
      ++failed;
      return;
    }
    ++waits;
    sum_ns += ns;
    max_ns = std::max(max_ns, ns);
    if (result >= 0) {
      ++woken;
    } else if (error == ETIMEDOUT) {
      ++timed_out;
    } else {
      ++interrupted;
    }
  }

  // Makes the call, measures it and books its outcome; errno is left as the call set it.
  template <typename Call>
  long measure(Call call) {
    const uint64_t begin = now_ns();
    const long result = call();
    const int error = errno;
    add(result, error, now_ns() - begin);
    errno = error;
    return result;
  }

  Truth& operator+=(const Truth& other) {
    waits += other.waits;
    woken += other.woken;
    timed_out += other.timed_out;
    interrupted += other.interrupted;
    raced += other.raced;
    failed += other.failed;
    sum_ns += other.sum_ns;
    max_ns = std::max(max_ns, other.max_ns);
    return *this;
  }

  [[nodiscard]] Json json() const {
    Json out;
    out.number("waits", waits).number("woken", woken).number("timed_out", timed_out);
    out.number("interrupted", interrupted).number("raced", raced).number("failed", failed);
    out.number("sum_ns", sum_ns).number("max_ns", max_ns);
    return out;
  }
};

// One write(2) a line, so that lines of forked processes never mix.
inline void say(std::string_view word, const Json& json) {
  const std::string line = std::string(word) + " " + json.str() + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);
}

inline void wait_for_go() {
  char letter = 0;
  while (letter != '\n') {
    const ssize_t got = read(STDIN_FILENO, &letter, 1);
    if (got == 0) _exit(0);  // the test is gone
    if (got < 0 && errno != EINTR) _exit(1);
  }
}

inline void wait_for_eof() {
  std::array<char, 64> rest{};
  ssize_t got = 1;
  while (got > 0 || (got < 0 && errno == EINTR)) got = read(STDIN_FILENO, rest.data(), rest.size());
}

inline void ready_then_go(const Json& json) {
  say("ready", json);
  wait_for_go();
}

// How long work goes on: so many seconds, or for 0 until the test sends a line. An observer may
// take any time to come on a busy machine, and is to see nothing but work.
inline void work_for(uint64_t seconds) {
  if (seconds == 0)
    wait_for_go();
  else
    sleep_ms(seconds * 1000);
}

// _exit, because the helper threads are parked and must not be joined.
[[noreturn]] inline void done_then_exit(const Json& json) {
  say("done", json);
  wait_for_eof();
  _exit(0);
}

[[noreturn]] inline void usage(std::string_view text) {
  const std::string line = "usage: " + std::string(text) + "\n";
  _exit(write(STDERR_FILENO, line.data(), line.size()) < 0 ? 1 : 2);
}

struct Arguments {
  int count;
  char** values;
  [[nodiscard]] std::string text(int index, const char* fallback) const {
    return index < count ? values[index] : fallback;
  }
  [[nodiscard]] uint64_t number(int index, uint64_t fallback) const {
    return index < count ? std::strtoull(values[index], nullptr, 10) : fallback;
  }
};

// Threads that exist (and whose ids are known) before `ready`, start on go() and stay alive after
// their work, so that the observer finds the same threads throughout. Until then they sleep, on a
// pipe: a futex would be seen.
class Crew {
 public:
  // The body receives the thread's index; everything it references must outlive the process.
  template <typename Body>
  Crew(unsigned size, Body body) : tids_(size), size_(size) {
    if (pipe2(gate_.data(), O_CLOEXEC) != 0) std::abort();
    for (unsigned index = 0; index < size; ++index) {
      std::thread([this, index, body] {
        tids_[index] = tid();
        ++present_;
        char nothing = 0;
        while (read(gate_[0], &nothing, 1) < 0) {
        }
        body(index);
        ++finished_;
        while (true) pause();
      }).detach();
    }
    poll_until([this] { return present_ == size_; });
  }
  void go() { close(gate_[1]); }
  void wait() const {
    poll_until([this] { return finished_ == size_; });
  }
  [[nodiscard]] const std::vector<pid_t>& tids() const { return tids_; }

 private:
  std::vector<pid_t> tids_;
  unsigned size_;
  std::atomic<unsigned> present_{0};
  std::atomic<unsigned> finished_{0};
  std::array<int, 2> gate_{-1, -1};  // its end is the sign
};

// The two sides of a handshake: the waiter announces each wait, and its partner acts only once the
// waiter sleeps in the kernel, so that no wake is ever lost and no call ever races.
class Handshake {
 public:
  void about_to_wait() { ++announced_; }
  void await_asleep(uint64_t round, pid_t thread, long number = SYS_futex) const {
    poll_until([&] { return announced_ >= round && asleep_in(getpid(), thread, number); });
  }

 private:
  std::atomic<uint64_t> announced_{0};
};

}  // namespace workload
