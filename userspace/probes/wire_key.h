// A word's key, to and from the shape it has in the maps.
#pragma once

#include "model/snapshot.h"
#include "wire.h"

namespace cw {

inline WordKey model_key(const cw_word_key& key) {
  return WordKey{.scope = key.scope == CW_FILE ? WordKey::Scope::kFile : WordKey::Scope::kPrivate,
                 .space = key.space,
                 .device = key.device,
                 .address = key.address};
}

inline cw_word_key wire_key(const WordKey& key) {
  return cw_word_key{.space = key.space,
                     .address = key.address,
                     .device = key.device,
                     .scope = key.scope == WordKey::Scope::kFile ? CW_FILE : CW_PRIVATE};
}

}  // namespace cw
