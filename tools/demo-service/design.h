#pragma once
// How the shared orders are guarded: as the service grew, and in ways that people mend it one
// change at a time.

#include <array>
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

struct NamedDesign {
  std::string_view name;
  Design design;
};
constexpr auto kDesigns = std::to_array<NamedDesign>({{"shared", Design::kShared},
                                                      {"split", Design::kSplit},
                                                      {"half", Design::kHalf},
                                                      {"batched", Design::kBatched},
                                                      {"rwlock", Design::kReadWrite}});

constexpr std::optional<Design> design_named(std::string_view name) {
  for (const NamedDesign& known : kDesigns)
    if (known.name == name) return known.design;
  return std::nullopt;
}

constexpr std::string_view name_of(Design design) {
  for (const NamedDesign& known : kDesigns)
    if (known.design == design) return known.name;
  return {};
}

}  // namespace orders
