#include <cmath>
#include <nlohmann/json.hpp>

#include "output/doctor.h"

namespace cw {
namespace {

using Json = nlohmann::ordered_json;

void set_if(Json& object, const char* key, const std::optional<double>& value) {
  if (value) object[key] = std::isfinite(*value) ? *value : 0;
}

Json to_json(const Check& check) {
  Json object = {{"name", check.name}, {"group", name_of(check.group)}};
  if (check.pid) object["pid"] = *check.pid;
  object.update({{"ok", check.ok},
                 {"needed", check.needed},
                 {"value", check.value},
                 {"why", check.why},
                 {"cure", check.cure}});
  return object;
}

Json to_json(const HookFacts& hook) {
  Json object = {
      {"name", hook.name}, {"used", hook.used}, {"when", hook.when}, {"points", hook.points}};
  set_if(object, "cost_ns", hook.cost_ns);
  set_if(object, "bystander_ns", hook.bystander_ns);
  return object;
}

Json to_json(const CapabilityReport& capability) {
  return {{"name", capability.name},
          {"held", capability.held},
          {"needed_for", capability.needed_for},
          {"needed_here", capability.needed_here},
          {"kept", capability.kept}};
}

template <typename T>
Json list(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_json(value));
  return array;
}

}  // namespace

std::string to_json(const DoctorReport& report) {
  const Json object = {{"schema", "contentionwatch.doctor/1"},
                       {"host", report.host},
                       {"kernel", report.kernel},
                       {"ready", report.ready},
                       {"summary", report.summary},
                       {"checks", list(report.checks)},
                       {"hooks", list(report.hooks)},
                       {"capabilities", list(report.capabilities)}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cw
