// The live view of a recording. It opens on the end, at once, however long the recording is; what
// reading all of it tells comes in as it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "app/live_output.h"
#include "app/outputs.h"
#include "app/settings.h"
#include "app/waker.h"
#include "live/model.h"
#include "recording/random_access_reader.h"

namespace cw {

class ReplayView {
 public:
  // `outputs`: of the same replay. `first`: the report that it begins with. Takes the terminal.
  // Errors: kFailed (no file, or what is in it makes no sense), those of LiveView::open().
  static Result<std::unique_ptr<ReplayView>> open(const Settings& settings, const Outputs& outputs,
                                                  const Report& first);

  // The next one in order: all of them are looked at for the worst.
  void note(const Report& report);
  // That was all; what is missing of them, one line.
  void note_end(const std::string& missing);
  // Whether to read on. Once the user has seen enough, only if something is to be written, judged
  // or said that needs all reports; a signal ends that, too.
  [[nodiscard]] bool reads_on();
  // Returns once the user has seen enough.
  void wait();

 private:
  explicit ReplayView(std::string name) : name_(std::move(name)) {}
  Result<void> show(RandomAccessReader recording, const Settings& settings, const Report& first);
  void show_worst();
  // Once the user has seen enough, the terminal is given back, with a verdict on it.
  bool is_closed();

  std::string name_;
  LiveOutput live_;
  Waker user_{live_.quit_fd()};
  Waker signals_{-1};
  std::uint64_t reports_ = 0;
  std::uint64_t noted_ = 0;  // of them, in order
  live::RecordedWorst worst_;
  Waker::Clock::time_point shown_;  // when the worst was
  bool needs_all_ = false;
  bool is_said_ = false;  // that it is read on
};

}  // namespace cw
