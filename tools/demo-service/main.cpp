// The service that `contentionwatch demo` watches. See README.md.

#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>

#include "intake.h"
#include "sharded_ledger.h"
#include "shared_ledger.h"

namespace {

struct Options {
  bool fixed = false;
  bool crowd = false;
  orders::Design design = orders::Design::kShared;
  bool report = false;
  long seconds = 0;  // 0: until told to stop
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--fixed") {
      options.fixed = true;
    } else if (option == "--crowd") {
      options.crowd = true;
    } else if (option == "--design" && i + 1 < argc) {
      const auto design = orders::design_named(argv[++i]);
      if (!design) return false;
      options.design = *design;
    } else if (option == "--report") {
      options.report = true;
    } else if (option == "--seconds" && i + 1 < argc) {
      char* end = nullptr;
      options.seconds = std::strtol(argv[++i], &end, 10);
      if (*end != '\0' || options.seconds <= 0) return false;
    } else {
      return false;
    }
  }
  return true;
}

// Blocked before any thread exists, so that only wait_for_the_end() receives them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for_the_end(const sigset_t& signals, long seconds) {
  int received = 0;
  if (seconds == 0) {
    sigwait(&signals, &received);
  } else {
    const timespec timeout{.tv_sec = seconds, .tv_nsec = 0};
    sigtimedwait(&signals, nullptr, &timeout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::cerr
        << "usage: contentionwatch-demo [--fixed | --design shared|split|half|batched|rwlock]\n"
           "                            [--crowd] [--seconds N] [--report]\n";
    return 2;
  }
  const sigset_t signals = block_signals();
  prctl(PR_SET_PDEATHSIG, SIGTERM);   // a demo must not outlive who started it
  prctl(PR_SET_TIMERSLACK, 1);        // sleeps as long as asked; inherited by all threads
  prctl(PR_SET_NAME, "orders-demo");  // else cut to 15 letters, the name of its observer

  const orders::Effort effort = orders::calibrate();
  std::unique_ptr<orders::Service> service;
  if (options.fixed) {
    service = std::make_unique<orders::ShardedLedger>(effort);
  } else {
    service = std::make_unique<orders::SharedLedger>(effort, options.design);
  }

  const auto begin = orders::Clock::now();
  uint64_t turned_away = 0;
  std::jthread intake([&](const std::stop_token& stop) {
    turned_away = orders::run_intake(stop, *service, options.crowd);
  });
  wait_for_the_end(signals, options.seconds);
  const auto elapsed = orders::Clock::now() - begin;
  intake.request_stop();
  intake.join();
  const orders::Tally tally = service->stop();
  if (options.report)
    std::cout << orders::report(tally, options.fixed ? "sharded" : name_of(options.design),
                                turned_away, elapsed)
              << "\n";
  return 0;
}
