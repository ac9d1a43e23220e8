// What the parts of the JSON report share.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <vector>

#include "model/report.h"

namespace cw {

// Keeps the order in which the keys are written: the report reads like its description.
using Json = nlohmann::ordered_json;

inline double finite(double value) {
  return std::isfinite(value) ? value : 0;
}
inline void set_if(Json& object, const char* key, const std::optional<double>& value) {
  if (value) object[key] = finite(*value);
}
template <typename T>
void set_if(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}

// Each value as `write` has it.
template <typename T>
Json list(const std::vector<T>& values, Json (*write)(const std::type_identity_t<T>&)) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(write(value));
  return array;
}

Json to_json(const Stack& stack);
Json to_json(const Distribution& distribution);
Json to_json(const Estimate& estimate);

// acquisitions_per_s and what goes with it, into the row of a lock.
void put_sections(Json& object, const SectionsReport& sections);

// allocators[], memory[] and cgroups[].
void put_memory(Json& object, const Report& report);

}  // namespace cw
