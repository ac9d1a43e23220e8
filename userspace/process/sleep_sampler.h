// Where threads sleep that wait for no futex, by looking now and then: costs the observed nothing
// between looks.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>

namespace cw {

// Threads by the name of the system call that they sleep in.
using SleepCounts = std::map<std::string, std::uint64_t>;

class SleepSampler {
 public:
  static constexpr std::size_t kThreadsPerLook = 512;

  // One look. With more than kThreadsPerLook threads it looks at that many, evenly spaced from a
  // random start, and scales the counts up (rounded at random, so that the mean is right).
  SleepCounts look(std::int32_t pid);

 private:
  std::minstd_rand random_{1};  // NOLINT(cert-msc32-c,cert-msc51-cpp): sampling, not a secret
};

// "epoll_wait"; "syscall 999" for a number without a name, "no system call" for a negative one.
std::string syscall_name(std::int64_t number, bool with_32bit_numbers);

}  // namespace cw
