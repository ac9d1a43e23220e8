#include "child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace cw::test {
namespace {

struct Pipe {
  Fd reading;
  Fd writing;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string read_to_end(const Fd& from) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(from.get(), part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, bool keep_errors) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  pid_ = fork();
  if (pid_ == 0) {
    static_cast<void>(std::signal(SIGPIPE, SIG_DFL));
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing running
    dup2(input.reading.get(), STDIN_FILENO);
    dup2(output.writing.get(), STDOUT_FILENO);
    if (keep_errors) dup2(errors.writing.get(), STDERR_FILENO);
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments)
      pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  input_ = std::move(input.writing);
  output_ = std::move(output.reading);
  errors_ = std::move(errors.reading);
}

ChildProcess::~ChildProcess() {
  if (!collected_) {
    kill(pid_, SIGKILL);
    wait();
  }
}

void ChildProcess::send(int signal) const {
  kill(pid_, signal);
}

std::string ChildProcess::read_line() {
  std::string line;
  char letter = 0;
  while (read(output_.get(), &letter, 1) == 1 && letter != '\n') line += letter;
  return line;
}

std::string ChildProcess::read_all() {
  return read_to_end(output_);
}
std::string ChildProcess::read_errors() {
  return read_to_end(errors_);
}

void ChildProcess::write(const std::string& text) {
  if (::write(input_.get(), text.data(), text.size()) < 0)
    throw std::runtime_error("the program is gone");
}

int ChildProcess::wait() {
  if (collected_) return -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  collected_ = true;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Workload::Workload(std::vector<std::string> arguments, std::vector<std::string> run_by)
    : process_([&] {
        arguments[0] = std::string(CW_WORKLOADS "/") + arguments[0];
        run_by.insert(run_by.end(), arguments.begin(), arguments.end());
        return run_by;
      }()) {
  ready_ = expect("ready");
}

std::uint64_t Workload::address(const std::string& key) const {
  return as_address(ready_.at(key));
}

nlohmann::json Workload::expect(const std::string& word) {
  const std::string line = process_.read_line();
  if (!line.starts_with(word + " "))
    throw std::runtime_error("expected '" + word + "', got '" + line + "'");
  return nlohmann::json::parse(line.substr(word.size() + 1));
}

int Workload::finish() {
  process_.close_input();
  return process_.wait();
}

std::uint64_t as_address(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>(), nullptr, 16);
}

}  // namespace cw::test
