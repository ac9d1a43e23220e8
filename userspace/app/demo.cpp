#include "app/demo.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

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

std::vector<std::string> arguments_of(const Settings& settings) {
  if (settings.demo_fixed) return {"contentionwatch-demo", "--fixed"};
  if (settings.demo_design.empty()) return {"contentionwatch-demo"};
  return {"contentionwatch-demo", "--design", settings.demo_design, "--crowd"};
}

std::string description_of(const Settings& settings) {
  if (settings.demo_fixed) return "redesigned service";
  if (settings.demo_design.empty()) return "badly built service";
  return fmt::format("service in its {} design", settings.demo_design);
}

Result<pid_t> start_service(std::vector<std::string> words) {
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::string program = folder / "contentionwatch-demo";
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
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
  const auto pid = start_service(arguments_of(settings));
  if (!pid) return std::unexpected(pid.error());
  const Service service(*pid);
  // The live view is left when its reader has seen enough.
  if (!settings.duration_s && settings.format != Format::kTui) settings.duration_s = kDemoSeconds;
  fmt::print(stderr, "contentionwatch: started the {}, pid {}; watching it{}\n",
             description_of(settings), *pid,
             settings.duration_s ? fmt::format(" for {:g} s", *settings.duration_s) : "");
  std::this_thread::sleep_for(kWarmUp);
  settings.pids = {*pid};
  return watch(settings);
}

}  // namespace cw
