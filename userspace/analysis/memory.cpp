#include "analysis/memory.h"

#include <functional>

namespace cw {
namespace {

constexpr std::size_t kMostSites = 65536;
constexpr std::size_t kMostWords = 131072;

template <typename Map, typename ImageOf>
void trim_map(Map& map, std::size_t most, const Interval& interval, ImageOf image_of) {
  std::erase_if(map, [&](const auto& entry) { return !interval.images.contains(image_of(entry)); });
  if (map.size() > most) map.clear();
}

}  // namespace

std::size_t CallSiteHash::operator()(const CallSite& site) const {
  return std::hash<std::uint64_t>{}(site.stack ^ (std::uint64_t{site.image} << 32U) ^
                                    (std::uint64_t{site.op} << 8U) ^
                                    static_cast<std::uint64_t>(site.value));
}

void Memory::trim(const Interval& interval) {
  trim_map(sites, kMostSites, interval, [](const auto& entry) { return entry.first.image; });
  trim_map(first_seen, kMostWords, interval, [](const auto& entry) { return entry.second.image; });
}

}  // namespace cw
