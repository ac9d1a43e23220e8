// A program started by a test: talked to over pipes, killed when it goes out of scope.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/fd.h"

namespace cw::test {

class ChildProcess {
 public:
  // arguments[0] is the program's path. Standard error goes to ours unless it is to be kept.
  explicit ChildProcess(const std::vector<std::string>& arguments, bool keep_errors = false);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void send(int signal) const;
  // One line without its end; what there was at the end of the output.
  std::string read_line();
  std::string read_all();
  std::string read_errors();
  void write(const std::string& text);
  void close_input() { input_.reset(); }
  // Exit status as a shell has it: 128 + signal when one ended it.
  int wait();

 private:
  pid_t pid_ = -1;
  bool collected_ = false;
  Fd input_;
  Fd output_;
  Fd errors_;
};

// A program of tests/workloads, in its protocol (workload.h).
class Workload {
 public:
  // `run_by`: a command that runs it in its stead, such as setpriv.
  explicit Workload(std::vector<std::string> arguments, std::vector<std::string> run_by = {});

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] const nlohmann::json& ready() const { return ready_; }
  [[nodiscard]] std::uint64_t address(const std::string& key) const;
  // Lets it work; returns at once.
  void go() { process_.write("go\n"); }
  // Ends the work of one that was told to work until then.
  void stop() { process_.write("stop\n"); }
  // Waits for the next line that begins with `word`, and returns what follows.
  nlohmann::json expect(const std::string& word);
  nlohmann::json run() {
    go();
    return expect("done");
  }
  // Closes its input and waits for its end.
  int finish();
  void send(int signal) const { process_.send(signal); }
  int wait() { return process_.wait(); }

 private:
  ChildProcess process_;
  nlohmann::json ready_;
};

std::uint64_t as_address(const nlohmann::json& text);

}  // namespace cw::test
