#include "live/live_view.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "live/error_keeper.h"
#include "live/render.h"
#include "live/signals.h"
#include "live/terminal_restore.h"
#include "live/terminfo.h"
#include "live/update.h"

namespace cw::live {
namespace {

constexpr auto kLongest = std::chrono::milliseconds(60'000);  // one poll

}  // namespace

// The members end in the order in which that must be: the terminal first, then what was kept of
// standard error is written to it.
class LiveView::Session {
 public:
  Session(std::unique_ptr<ErrorKeeper> errors, Signals signals, std::unique_ptr<Terminal> terminal,
          const LiveOptions& options)
      : errors_(std::move(errors)), signals_(std::move(signals)), terminal_(std::move(terminal)) {
    model_.charset = Terminal::charset();
    model_.size = Terminal::size();
    model_.awaited = options.awaited;
    draw();
  }

  void show(Report report) {
    model_ = update(std::move(model_), std::move(report));
    draw();
  }

  void show(const Recorded& recorded, ReadRecorded read) {
    model_ = update(std::move(model_), recorded);
    read_ = std::move(read);
    read_wanted();
    draw();
  }

  void show(const RecordedWorst& worst) {
    model_ = update(std::move(model_), worst);
    draw();
  }

  void say(const std::string& message) {
    model_ = update(std::move(model_), Message{message});
    draw();
  }

  Wish run_until(Clock::time_point deadline, std::span<const int> others) {
    while (!model_.quit) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return Wish::kGoOn;
      if (wait_for(std::min(left, kLongest), others)) return Wish::kGoOn;
    }
    return Wish::kQuit;
  }

 private:
  // Whether one of the others can be read.
  bool wait_for(std::chrono::milliseconds time, std::span<const int> others) {
    std::vector<pollfd> events;
    const auto add = [&](int fd) { events.push_back({.fd = fd, .events = POLLIN, .revents = 0}); };
    add(STDIN_FILENO);
    add(signals_.fd());
    add(errors_->fd());  // -1 is passed over
    for (const int other : others) add(other);
    if (poll(events.data(), events.size(), static_cast<int>(time.count())) <= 0) return false;
    bool changed = serve_signals();
    changed = serve_input() || changed;
    for (const std::string& line : errors_->take()) {
      model_ = update(std::move(model_), Message{line});
      changed = true;
    }
    if (changed && !model_.quit) {
      read_wanted();
      draw();
    }
    return std::any_of(events.begin() + 3, events.end(),
                       [](const pollfd& event) { return event.revents != 0; });
  }

  void read_wanted() {
    const auto first = first_to_read(model_);
    if (!first || !model_.recorded) return;
    const std::uint64_t last = model_.recorded->wanted;
    for (std::uint64_t number = *first; number <= last; ++number) {
      auto report = read_(number);
      if (!report) {
        model_ = stay(std::move(model_), Message{report.error().message});
        return;
      }
      model_ = update(std::move(model_), number, std::move(*report));
    }
  }

  bool serve_input() {
    bool any = false;
    while (!model_.quit) {  // what is typed after that is for the shell
      const auto event = terminal_->read();
      if (!event) break;
      model_ = update(std::move(model_), *event);
      any = true;
    }
    if (!any && Terminal::is_gone()) model_.quit = true;
    return any;
  }

  bool serve_signals() {
    const std::vector<int> signals = signals_.take();
    for (const int signal : signals) serve(signal);
    return !signals.empty();
  }

  void serve(int signal) {
    switch (signal) {
      case SIGTSTP:
        terminal_->lend();
        Signals::stop_ourselves();
        terminal_->retake();
        break;
      case SIGCONT:
        terminal_->retake();
        break;
      case SIGWINCH:
        terminal_->resized();
        break;
      default:  // SIGHUP, SIGINT, SIGTERM
        model_.quit = true;
    }
    model_ = update(std::move(model_), Terminal::size());
  }

  void draw() { terminal_->draw(render(model_, model_.size)); }

  std::unique_ptr<ErrorKeeper> errors_;
  Signals signals_;
  std::unique_ptr<Terminal> terminal_;
  Model model_;
  ReadRecorded read_;
};

LiveView::LiveView(std::unique_ptr<Session> session) : session_(std::move(session)) {}
LiveView::~LiveView() = default;

Result<std::unique_ptr<LiveView>> LiveView::open(const LiveOptions& options) {
  if (auto draws = terminal_draws(); !draws) return std::unexpected(draws.error());
  use_alternate_signal_stack();
  auto errors = std::make_unique<ErrorKeeper>();
  auto signals = Signals::handle();  // before ncurses, which handles what nobody does
  if (!signals) return std::unexpected(signals.error());
  auto terminal = Terminal::take(options.colours, errors->as_it_was(), errors->fd());
  if (!terminal) return std::unexpected(terminal.error());
  return std::unique_ptr<LiveView>(new LiveView(std::make_unique<Session>(
      std::move(errors), std::move(*signals), std::move(*terminal), options)));
}

void LiveView::show(Report report) {
  session_->show(std::move(report));
}

void LiveView::show(const Recorded& recorded, ReadRecorded read) {
  session_->show(recorded, std::move(read));
}

void LiveView::show(const RecordedWorst& worst) {
  session_->show(worst);
}

void LiveView::say(const std::string& message) {
  session_->say(message);
}

Wish LiveView::run_until(Clock::time_point deadline, std::span<const int> others) {
  return session_->run_until(deadline, others);
}

}  // namespace cw::live
