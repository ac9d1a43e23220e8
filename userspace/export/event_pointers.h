// libevent's objects, owned.
#pragma once

#include <event2/event.h>

#include <memory>

namespace cw {

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
