// What each key does. The help shows the same table that is looked up here.
#pragma once

#include <span>
#include <string_view>

#include "live/events.h"
#include "live/model.h"

namespace cw::live {

struct KeyHelp {
  std::string_view keys;
  std::string_view what;
};
std::span<const KeyHelp> key_help();

void on_key(Model& model, const Key& key);

}  // namespace cw::live
