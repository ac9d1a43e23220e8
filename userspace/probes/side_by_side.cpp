#include "probes/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace cw {
namespace {

constexpr std::size_t kMostThreads = 32;

}  // namespace

void side_by_side(std::size_t count, const std::function<void(std::size_t)>& call) {
  std::atomic<std::size_t> next = 0;
  const auto take_turns = [&] {
    for (std::size_t turn = next++; turn < count; turn = next++) call(turn);
  };
  std::vector<std::jthread> others;
  bool more = true;
  while (more && others.size() + 1 < std::min(count, kMostThreads)) {
    try {
      others.emplace_back(take_turns);
    } catch (const std::system_error&) {
      more = false;  // a limit on threads: fewer do as well
    }
  }
  take_turns();
}

}  // namespace cw
