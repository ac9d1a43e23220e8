// What the parts of the JSON report share.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

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

Json to_json(const Stack& stack);
Json to_json(const Distribution& distribution);
Json to_json(const Estimate& estimate);

// acquisitions_per_s and what goes with it, into the row of a lock.
void put_sections(Json& object, const SectionsReport& sections);

// allocators[], memory[] and cgroups[].
void put_memory(Json& object, const Report& report);

}  // namespace cw
