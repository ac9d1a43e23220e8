// What may be forgotten, so that memory stays bounded whatever the observed do.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/snapshot.h"

namespace cw {

class Retention {
 public:
  // A word that nobody used for this long is forgotten; at once when more than half of
  // `word_limit` words are in use.
  explicit Retention(std::uint64_t word_limit) : word_limit_(word_limit) {}

  struct Due {
    std::vector<WordId> words;
    std::vector<ImageId> images;
  };
  // Once for every snapshot. What it names has been in a snapshot with its last figures.
  Due due(const Snapshot& snapshot);

 private:
  struct Activity {
    std::uint64_t events = 0;    // sum of counters that grow with every use
    std::uint64_t since_ns = 0;  // when that last changed
  };
  std::uint64_t word_limit_;
  std::unordered_map<WordId, Activity> last_;
};

}  // namespace cw
