#pragma once
// How the shared orders are guarded: as the service grew, and in ways that people mend it one
// change at a time.

#include <cstdint>
#include <optional>
#include <string_view>

namespace orders {

enum class Design : uint8_t {
  kShared,     // one mutex, and all work under it
  kSplit,      // an order needs one of kParts mutexes
  kHalf,       // half of the work is done after letting go
  kBatched,    // kBatch requests at a time under one acquisition
  kReadWrite,  // look-ups share the lock
};

constexpr unsigned kParts = 16;
constexpr unsigned kBatch = 8;

constexpr std::optional<Design> design_named(std::string_view name) {
  if (name == "shared") return Design::kShared;
  if (name == "split") return Design::kSplit;
  if (name == "half") return Design::kHalf;
  if (name == "batched") return Design::kBatched;
  if (name == "rwlock") return Design::kReadWrite;
  return std::nullopt;
}

}  // namespace orders
