// libevent's objects, owned, and what they are all held to.
#pragma once

#include <event2/event.h>
#include <event2/util.h>

#include <memory>

namespace cw {

inline constexpr ev_ssize_t kMostHeader = 8192;  // bytes of an HTTP message, either way

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

using EventBase = std::unique_ptr<event_base, Freer<event_base_free>>;
using Event = std::unique_ptr<event, Freer<event_free>>;

}  // namespace cw
