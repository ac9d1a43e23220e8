#pragma once
// The work that each request costs: serialise the order, then compute a checksum over the text. The
// checksum is repeated so often that a step takes a known time on any machine.

#include <chrono>
#include <string>

#include "order.h"

namespace orders {

// Per request: one look-up and one settlement (in the shared design, each under the lock), one
// reply and its sending. The rate of requests is more than the lock can bear, and less than the
// machine can.
constexpr std::chrono::microseconds kLookupTime{22};
constexpr std::chrono::microseconds kSettleTime{28};
constexpr std::chrono::microseconds kReplyTime{8};
constexpr std::chrono::microseconds kSendTime{40};

struct Effort {
  unsigned lookup_rounds = 1;
  unsigned settle_rounds = 1;
  unsigned reply_rounds = 1;
};

// Measures this machine; takes some milliseconds.
Effort calibrate();

void serialise(const OrderData& order, std::string& text);
uint64_t checksum(const std::string& text, unsigned rounds);

// Sends what is in the buffer. Stands in for a network: it takes time, but no CPU and no lock.
void send(std::string& text);

}  // namespace orders
