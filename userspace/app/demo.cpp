#include "app/demo.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "app/watch.h"

namespace cw {
namespace {

constexpr double kDemoSeconds = 5;
constexpr auto kWarmUp = std::chrono::milliseconds(700);

// Started with us, stopped with us.
class Service {
 public:
  explicit Service(pid_t pid) : pid_(pid) {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

Result<pid_t> start_service(bool fixed) {
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::string program = folder / "contentionwatch-demo";
  std::string name = "contentionwatch-demo";
  std::string flag = "--fixed";
  std::array<char*, 3> arguments{name.data(), fixed ? flag.data() : nullptr, nullptr};
  pid_t pid = 0;
  const int failure =
      posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environ);
  if (failure != 0)
    return fail(
        Exit::kFailed,
        fmt::format("cannot start {}: {}; it is built and copied together with contentionwatch",
                    program, std::strerror(failure)));
  return pid;
}

}  // namespace

Result<Exit> demo(Settings settings) {
  const auto pid = start_service(settings.demo_fixed);
  if (!pid) return std::unexpected(pid.error());
  const Service service(*pid);
  // The live view is left when its reader has seen enough.
  if (!settings.duration_s && settings.format != Format::kTui) settings.duration_s = kDemoSeconds;
  fmt::print(stderr, "contentionwatch: started the {} service, pid {}; watching it{}\n",
             settings.demo_fixed ? "redesigned" : "badly built", *pid,
             settings.duration_s ? fmt::format(" for {:g} s", *settings.duration_s) : "");
  std::this_thread::sleep_for(kWarmUp);
  settings.pids = {*pid};
  return watch(settings);
}

}  // namespace cw
