// Random times, for processes that are simulated.
#pragma once

#include <functional>
#include <random>

namespace cw::test {

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;  // ns

inline double exponential(Random& random, double mean) {
  return std::exponential_distribution<double>(1 / mean)(random);
}

}  // namespace cw::test
