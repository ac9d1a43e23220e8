// What reaches the view from the person before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "live/cells.h"

namespace cw::live {

enum class KeyName : std::uint8_t {
  kText,  // a character; space is one, too
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEnter,
  kEscape,
  kBackspace,
  kTab,
  kBackTab,
};

struct Key {
  KeyName name = KeyName::kText;
  std::string text;  // UTF-8, of kText
};

enum class MouseAction : std::uint8_t { kPress, kWheelUp, kWheelDown };

struct Mouse {
  std::size_t x = 0;
  std::size_t y = 0;
  MouseAction action = MouseAction::kPress;
};

// A line that was written to standard error.
struct Message {
  std::string text;
};

using Event = std::variant<Key, Mouse, Size, Message>;

}  // namespace cw::live
