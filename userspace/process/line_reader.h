// Asks a process of its own for lines (line_server.h), without waiting long for it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_set>

#include "model/fd.h"
#include "process/source_lines.h"

namespace cw {

class LineReader {
 public:
  using Clock = std::chrono::steady_clock;

  // Waiting is bounded: at most `patience` at once, and kShare of the time that has passed. An
  // answer that takes longer is there when one asks again.
  static constexpr std::chrono::milliseconds kPatience{500};
  static constexpr double kShare = 0.05;
  // A file that keeps the process busy for so long, or ends it, is never asked about again.
  static constexpr std::chrono::seconds kTooLong{20};
  static constexpr int kMaxFailures = 64;

  explicit LineReader(std::chrono::milliseconds patience = kPatience)
      : patience_(patience), left_(patience) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  LineReader(LineReader&&) = delete;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader();

  // `id` stands for the contents of `file`, open for reading, and of `alternate` (-1: none). Empty
  // when the answer is not known yet; no frames when there is none.
  std::optional<SourceFrames> at(std::uint64_t id, int file, int alternate, std::uint64_t vaddr);

  // Of the process that reads, 0 when none runs: what it uses is our cost, too.
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  bool start();
  void stop();
  void give_up_on_file();
  bool send(std::uint64_t id, int file, int alternate, std::uint64_t vaddr);
  // The answer to the last request, waited for as long as there is patience.
  std::optional<SourceFrames> receive();
  void earn_patience();

  std::chrono::milliseconds patience_;
  std::chrono::duration<double, std::milli> left_;
  Clock::time_point earned_ = Clock::now();
  pid_t process_ = 0;
  Fd socket_;
  std::uint64_t sequence_ = 0;
  bool waiting_ = false;  // for the answer to request sequence_, about file asked_
  std::uint64_t asked_ = 0;
  Clock::time_point asked_at_;
  int failures_ = 0;
  std::unordered_set<std::uint64_t> bad_;  // files
};

}  // namespace cw
