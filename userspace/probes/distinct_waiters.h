// Distinct waiters of a word, exact for each poll although the hooks count on while it is read.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "model/snapshot.h"

namespace cw {

// The kernel counts polls with even and with odd numbers in separate slots, so the slot of the poll
// that just ended stands still. What it held two polls ago, when it last stood still, is known.
class DistinctWaiters {
 public:
  using Slots = std::array<std::uint64_t, 2>;

  // The cumulative count up to the end of `poll`.
  std::uint64_t up_to(WordId word, std::uint32_t poll, const Slots& slots) {
    Books& books = books_[word];
    const std::size_t slot = poll % 2;
    books.total += slots.at(slot) - books.settled.at(slot);
    books.settled.at(slot) = slots.at(slot);
    return books.total;
  }
  void forget(WordId word) { books_.erase(word); }

 private:
  struct Books {
    std::uint64_t total = 0;
    Slots settled{};
  };
  std::unordered_map<WordId, Books> books_;
};

}  // namespace cw
