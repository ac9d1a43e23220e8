#include "process/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <fcntl.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

namespace cw {
namespace {

constexpr const char* kLibrary = "libdebuginfod.so.1";

// What a download's progress is checked against.
struct Patience {
  std::stop_token stop;
  std::chrono::steady_clock::time_point end;
};

struct Library {
  decltype(&::debuginfod_begin) begin = nullptr;
  decltype(&::debuginfod_end) end = nullptr;
  decltype(&::debuginfod_set_progressfn) set_progress = nullptr;
  decltype(&::debuginfod_set_user_data) set_user = nullptr;
  decltype(&::debuginfod_get_user_data) get_user = nullptr;
  decltype(&::debuginfod_find_debuginfo) find = nullptr;

  template <typename Function>
  static bool load(void* from, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(from, name));
    return function != nullptr;
  }
  bool load(void* from) {
    return load(from, "debuginfod_begin", begin) && load(from, "debuginfod_end", end) &&
           load(from, "debuginfod_set_progressfn", set_progress) &&
           load(from, "debuginfod_set_user_data", set_user) &&
           load(from, "debuginfod_get_user_data", get_user) &&
           load(from, "debuginfod_find_debuginfo", find);
  }
};

// The library calls back with nothing but its own handle.
Library& library() {
  static Library loaded;
  return loaded;
}

int go_on(debuginfod_client* client, long /*done*/, long /*all*/) {
  // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): all are loaded before anything is asked for
  const auto* patience = static_cast<const Patience*>(library().get_user(client));
  const bool over =
      patience->stop.stop_requested() || std::chrono::steady_clock::now() > patience->end;
  return over ? 1 : 0;
}

Fd fetch(debuginfod_client* client, const std::string& build_id, Patience patience) {
  // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): all are loaded before anything is asked for
  library().set_user(client, &patience);
  library().set_progress(client, go_on);
  const auto* id = reinterpret_cast<const unsigned char*>(build_id.data());
  return Fd(library().find(client, id, static_cast<int>(build_id.size()), nullptr));
}

}  // namespace

Debuginfod::Debuginfod() {
  const char* urls = std::getenv("DEBUGINFOD_URLS");
  if (urls == nullptr || *urls == '\0') return;
  library_ = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library_ != nullptr && !library().load(library_)) library_ = nullptr;
}

Debuginfod::~Debuginfod() {
  worker_.request_stop();
  asked_.notify_all();
}

bool Debuginfod::has(std::string_view build_id) const {
  if (library_ == nullptr) return false;
  const std::scoped_lock lock(guard_);
  const auto known = files_.find(build_id);
  return known != files_.end() && known->second;
}

Fd Debuginfod::find(std::string_view build_id) {
  if (library_ == nullptr || build_id.empty()) return {};
  const std::scoped_lock lock(guard_);
  const auto known = files_.find(build_id);
  if (known != files_.end())
    return known->second ? Fd(::fcntl(known->second.get(), F_DUPFD_CLOEXEC, 0)) : Fd();
  if (files_.size() >= kMaxAsked) return {};
  files_.emplace(build_id, Fd());
  queue_.emplace_back(build_id);
  if (!worker_.joinable()) {
    // Signals are for the threads that expect them.
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    worker_ = std::jthread([this](const std::stop_token& stop) { fetch_all(stop); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  asked_.notify_one();
  return {};
}

void Debuginfod::fetch_all(const std::stop_token& stop) {
  // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): all are loaded before anything is asked for
  const std::unique_ptr<debuginfod_client, void (*)(debuginfod_client*)> client(library().begin(),
                                                                                library().end);
  std::unique_lock lock(guard_);
  while (client && asked_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    const std::string build_id = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Fd file = fetch(client.get(), build_id,
                    {.stop = stop,
                     .end = std::chrono::steady_clock::now() + std::chrono::seconds(kMaxSeconds)});
    lock.lock();
    files_[build_id] = std::move(file);
  }
}

}  // namespace cw
