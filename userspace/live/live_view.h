// The live view on the terminal: told reports, it serves the person before it. Knows nothing of
// where reports come from: an observer or a recording.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "live/model.h"
#include "live/terminal.h"
#include "model/error.h"
#include "model/report.h"

namespace cw::live {

struct LiveOptions {
  Colours colours = Colours::kAsTerminal;
  std::string awaited = "waiting for the first report";  // said until it comes
};

// One of a recording's reports, by its number.
using ReadRecorded = std::move_only_function<Result<Report>(std::uint64_t number)>;

// What run_until() came back for.
enum class Wish : std::uint8_t {
  kGoOn,  // nothing: it is time, or another descriptor can be read
  kQuit,  // the user wants to end, a signal asks for it, or the terminal is gone
};

// Holds the terminal, its signals and standard error while it exists; all are given back as they
// were. To be used by one thread.
class LiveView {
 public:
  using Clock = std::chrono::steady_clock;

  // Errors: those of terminal_draws() (terminfo.h).
  static Result<std::unique_ptr<LiveView>> open(const LiveOptions& options);
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;
  ~LiveView();

  void show(Report report);
  // A recording instead of what happens now, read as somebody goes through it.
  void show(const Recorded& recorded, ReadRecorded read);
  void show(const RecordedWorst& worst);
  // Until the next key.
  void say(const std::string& message);
  // Serves keys, mouse and resizes until then, or until one of `others` can be read.
  Wish run_until(Clock::time_point deadline, std::span<const int> others = {});

 private:
  class Session;
  explicit LiveView(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

}  // namespace cw::live
