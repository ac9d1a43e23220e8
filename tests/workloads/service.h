#pragma once
// What the small services of defects.cpp and healthy.cpp share.

#include <thread>

#include "workload.h"

namespace service {

// On a CPU for so long.
inline void work_us(uint64_t us) {
  const uint64_t until = workload::now_ns() + us * 1000;
  while (workload::now_ns() < until) {
  }
}

// Off it.
inline void rest_us(uint64_t us) {
  workload::sleep_ns(us * 1000);
}

// Threads that do this over and over, each with its number, until the process ends.
template <typename Again>
void start(unsigned threads, Again again) {
  for (unsigned number = 0; number < threads; ++number)
    std::thread([again, number] {
      while (true) again(number);
    }).detach();
}

// Serves until its standard input is closed.
[[noreturn]] inline void serve() {
  workload::say("ready", workload::Json().number("pid", static_cast<uint64_t>(getpid())));
  workload::wait_for_eof();
  _exit(0);
}

}  // namespace service
