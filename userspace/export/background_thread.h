// Threads of our own, beside the one that watches.
#pragma once

#include <csignal>
#include <thread>

namespace cw {

// Signals are for the thread that watches; a peer that is gone must not send us one.
std::thread background_thread(auto body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(body);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace cw
