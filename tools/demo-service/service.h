#pragma once

#include "tally.h"

namespace orders {

constexpr size_t kInboxLimit = 256;  // requests; more are turned away

// What the two designs have in common: threads that answer the requests given to them.
class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // False: too busy, the request was turned away.
  virtual bool submit(const Request& request) = 0;
  // Ends all threads and says what they did.
  virtual Tally stop() = 0;
};

}  // namespace orders
