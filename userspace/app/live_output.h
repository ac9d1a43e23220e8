// Reports to the live view. It has a thread of its own: keys are served while a report is made.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>

#include "live/live_view.h"
#include "model/error.h"
#include "model/fd.h"
#include "model/report.h"

namespace cw {

class LiveOutput {
 public:
  LiveOutput();
  LiveOutput(const LiveOutput&) = delete;
  LiveOutput& operator=(const LiveOutput&) = delete;
  ~LiveOutput();

  // Takes the terminal. Errors: those of LiveView::open().
  Result<void> start(const live::LiveOptions& options);
  void show(Report report);
  // Gives the terminal back, if the user did not have it already, and leaves the last verdict on
  // it, and the worst one.
  void end();
  // Can be read once the user wants to end.
  [[nodiscard]] int quit_fd() const { return quit_.get(); }

 private:
  void run();
  std::deque<Report> take();
  void finish(std::thread& thread);
  void remember(const Report& report);

  std::unique_ptr<live::LiveView> view_;
  std::thread thread_;
  Fd wake_;  // reports are there, or the end has come
  Fd quit_;
  std::mutex mutex_;
  std::deque<Report> reports_;  // not shown yet
  bool ending_ = false;
  std::binary_semaphore ended_{0};  // what a thread wrote to the terminal is written

  // Of these only what a verdict shows.
  std::optional<Report> last_;
  std::optional<Report> worst_;
  bool color_ = false;
};

}  // namespace cw
