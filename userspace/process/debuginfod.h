// Debug files from servers (debuginfod(8)), only when the environment names some: DEBUGINFOD_URLS.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "model/fd.h"

namespace cw {

class Debuginfod {
 public:
  static constexpr std::size_t kMaxAsked = 1024;  // build-ids; more are not asked for
  static constexpr int kMaxSeconds = 300;         // for one file

  // Whether there are servers and libdebuginfod.so.1, which is loaded then: nothing else needs it.
  Debuginfod();
  Debuginfod(const Debuginfod&) = delete;
  Debuginfod& operator=(const Debuginfod&) = delete;
  Debuginfod(Debuginfod&&) = delete;
  Debuginfod& operator=(Debuginfod&&) = delete;
  ~Debuginfod();  // gives up what is under way

  // The debug file with that build-id, if it is here by now. The first time it is only asked for: a
  // thread fetches it, nobody waits for it. Whose it is, its build-id has to prove.
  Fd find(std::string_view build_id);
  [[nodiscard]] bool has(std::string_view build_id) const;

 private:
  void fetch_all(const std::stop_token& stop);

  void* library_ = nullptr;
  mutable std::mutex guard_;
  std::condition_variable_any asked_;
  std::deque<std::string> queue_;
  std::map<std::string, Fd, std::less<>> files_;  // by build-id; empty: not here
  std::jthread worker_;
};

}  // namespace cw
