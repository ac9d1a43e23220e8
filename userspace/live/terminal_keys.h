// Keys as ncurses has them, as events of ours.
#pragma once

#include <optional>

#include "live/events.h"

namespace cw::live {

// Of get_wch(): a function key, or a character. Empty: it means nothing here.
std::optional<Event> event_of_function_key(wint_t code);
std::optional<Event> event_of_character(wint_t character);

}  // namespace cw::live
