#include "app/live_output.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <utility>

#include "live/terminal_restore.h"

namespace cw {
namespace {

constexpr std::size_t kWaiting = 16;  // reports, while a slow terminal is written to
constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr int kLookAgainSignal = SIGURG;  // to a thread that sleeps in a write

// That it has been handled makes the write look again whether there is room, and go on.
void handle_look_again() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(kLookAgainSignal, &action, nullptr);
}

void signal_to(const Fd& fd) {
  const std::uint64_t one = 1;
  static_cast<void>(!write(fd.get(), &one, sizeof(one)));
}

}  // namespace

LiveOutput::LiveOutput()
    : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      quit_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LiveOutput::~LiveOutput() {
  end();
}

Result<void> LiveOutput::start(const live::LiveOptions& options) {
  color_ = options.colours != live::Colours::kNone;
  handle_look_again();
  live::use_alternate_signal_stack();
  auto view = live::LiveView::open(options);
  if (!view) return std::unexpected(view.error());
  view_ = std::move(*view);
  thread_ = std::thread([this] { run(); });
  return {};
}

void LiveOutput::run() {
  live::use_alternate_signal_stack();
  const std::array others = {wake_.get()};
  for (bool ending = false; !ending;) {
    const auto in_an_hour = live::LiveView::Clock::now() + std::chrono::hours(1);
    if (view_->run_until(in_an_hour, others) == live::Wish::kQuit) {
      signal_to(quit_);
      break;
    }
    for (ToShow& show : take()) show(*view_);
    const std::scoped_lock lock(mutex_);
    ending = ending_;
  }
  view_.reset();  // at once: the last report may take a moment
  ended_.release();
}

std::deque<LiveOutput::ToShow> LiveOutput::take() {
  std::uint64_t count = 0;
  static_cast<void>(!read(wake_.get(), &count, sizeof(count)));
  const std::scoped_lock lock(mutex_);
  return std::exchange(waiting_, {});
}

void LiveOutput::show(Report report) {
  farewell_.set_last(report);
  farewell_.consider(report);
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() == kWaiting) waiting_.pop_front();
  }
  show(
      [report = std::move(report)](live::LiveView& view) mutable { view.show(std::move(report)); });
}

void LiveOutput::show(ToShow what) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(what));
  }
  signal_to(wake_);
}

// A terminal that takes no more output (Ctrl-S, a line that hangs) keeps nobody from ending.
void LiveOutput::finish(std::thread& thread) {
  while (!ended_.try_acquire_for(kPatience)) {
    tcflow(STDOUT_FILENO, TCOON);
    tcflush(STDOUT_FILENO, TCOFLUSH);
    pthread_kill(thread.native_handle(), kLookAgainSignal);
  }
  thread.join();
}

void LiveOutput::end() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  signal_to(wake_);
  finish(thread_);
  const std::string text = farewell_.text(color_);
  std::thread farewell([&] {
    // A terminal that is gone is no failure: who closed it did not want to read on.
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
    static_cast<void>(std::fflush(stdout));
    ended_.release();
  });
  finish(farewell);
}

}  // namespace cw
