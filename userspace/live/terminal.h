// The terminal: what ncurses is to the live view. Nothing else includes it.
#pragma once

#include <memory>
#include <optional>

#include "live/cells.h"
#include "live/events.h"
#include "model/error.h"

namespace cw::live {

enum class Colours : std::uint8_t { kAsTerminal, kNone };

// Taken when it is made, given back as it was when it goes out of scope; one at a time.
class Terminal {
 public:
  // `errors`, `kept_errors`: as Restoration has them. Errors: those of terminal_draws()
  // (terminfo.h).
  static Result<std::unique_ptr<Terminal>> take(Colours colours, int errors, int kept_errors);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] static Size size();
  [[nodiscard]] static Charset charset();
  void draw(const Cells& cells);
  // The next event that is there; empty: none yet.
  std::optional<Event> read();
  // Whether there will never be one again: the terminal is gone.
  [[nodiscard]] static bool is_gone();

  void resized();  // its size may be another
  void lend();     // to the shell, while we are stopped
  void retake();   // all may have changed: modes, size, what is on it

 private:
  class Screen;
  explicit Terminal(std::unique_ptr<Screen> screen);
  std::unique_ptr<Screen> screen_;
};

}  // namespace cw::live
