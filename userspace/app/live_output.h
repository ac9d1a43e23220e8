// The live view in a thread of its own: keys are served while a report is made.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

#include "app/farewell.h"
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
  // Anything else that the view can show.
  using ToShow = std::move_only_function<void(live::LiveView&)>;
  void show(ToShow what);
  // What end() leaves behind; reports that were shown are in it.
  [[nodiscard]] Farewell& farewell() { return farewell_; }
  // Gives the terminal back, if the user did not have it already, and leaves the last verdict on
  // it, and the worst one.
  void end();
  // Can be read once the user wants to end.
  [[nodiscard]] int quit_fd() const { return quit_.get(); }

 private:
  void run();
  std::deque<ToShow> take();
  void finish(std::thread& thread);

  std::unique_ptr<live::LiveView> view_;
  std::thread thread_;
  Fd wake_;  // something is to be shown, or the end has come
  Fd quit_;
  std::mutex mutex_;
  std::deque<ToShow> waiting_;
  bool ending_ = false;
  std::binary_semaphore ended_{0};  // what a thread wrote to the terminal is written

  Farewell farewell_;
  bool color_ = false;
};

}  // namespace cw
