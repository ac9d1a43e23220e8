#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <utf8proc.h>

#include <array>

#include "live/terminal_keys.h"

namespace cw::live {
namespace {

Key named(KeyName name) {
  return {.name = name, .text = {}};
}

std::optional<Event> mouse_event() {
  MEVENT seen{};
  if (getmouse(&seen) != OK || seen.x < 0 || seen.y < 0) return std::nullopt;
  Mouse mouse{.x = static_cast<std::size_t>(seen.x), .y = static_cast<std::size_t>(seen.y)};
  if ((seen.bstate & BUTTON4_PRESSED) != 0)
    mouse.action = MouseAction::kWheelUp;
  else if ((seen.bstate & BUTTON5_PRESSED) != 0)
    mouse.action = MouseAction::kWheelDown;
  else if ((seen.bstate & BUTTON1_PRESSED) == 0)
    return std::nullopt;
  return mouse;
}

}  // namespace

std::optional<Event> event_of_function_key(wint_t code) {
  switch (code) {
    case KEY_MOUSE:
      return mouse_event();
    case KEY_UP:
      return named(KeyName::kUp);
    case KEY_DOWN:
      return named(KeyName::kDown);
    case KEY_LEFT:
      return named(KeyName::kLeft);
    case KEY_RIGHT:
      return named(KeyName::kRight);
    case KEY_PPAGE:
      return named(KeyName::kPageUp);
    case KEY_NPAGE:
      return named(KeyName::kPageDown);
    case KEY_HOME:
      return named(KeyName::kHome);
    case KEY_END:
      return named(KeyName::kEnd);
    case KEY_ENTER:
      return named(KeyName::kEnter);
    case KEY_BACKSPACE:
      return named(KeyName::kBackspace);
    case KEY_BTAB:
      return named(KeyName::kBackTab);
    default:
      return std::nullopt;
  }
}

std::optional<Event> event_of_character(wint_t character) {
  switch (character) {
    case '\r':
    case '\n':
      return named(KeyName::kEnter);
    case 0x1b:
      return named(KeyName::kEscape);
    case 0x7f:
    case '\b':
      return named(KeyName::kBackspace);
    case '\t':
      return named(KeyName::kTab);
    default:
      break;
  }
  if (character < ' ') return std::nullopt;
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes.data());
  if (length <= 0) return std::nullopt;
  return Key{.name = KeyName::kText, .text = std::string(bytes.begin(), bytes.begin() + length)};
}

}  // namespace cw::live
