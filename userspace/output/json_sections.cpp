// How often a lock is taken and for how long: the fields of locks[] that critical sections fill.
#include "output/json_parts.h"

namespace cw {
namespace {

Json to_json(const Holders& holders) {
  Json object = {{"share", finite(holders.share)},
                 {"acquisitions_per_s", finite(holders.acquisitions_per_s)},
                 {"hold_ns", cw::to_json(holders.hold)},
                 {"stack", cw::to_json(holders.stack)},
                 {"stack_complete", holders.stack.complete}};
  if (const auto& interval = holders.share_interval) {
    object["share_low"] = finite(interval->low);
    object["share_high"] = finite(interval->high);
  }
  return object;
}

Json to_json(const WhatIf& line) {
  return {{"change", line.change},
          {"predicted_per_s", finite(line.predicted_per_s)},
          {"low", finite(line.low)},
          {"high", finite(line.high)},
          {"assumes", line.assumes}};
}

}  // namespace

Json to_json(const Estimate& estimate) {
  Json object = {{"estimate", finite(estimate.estimate)}, {"low", finite(estimate.low)}};
  if (std::isfinite(estimate.high)) object["high"] = estimate.high;  // else only a lower bound
  return object;
}

void put_sections(Json& object, const SectionsReport& sections) {
  if (sections.acquisitions_per_s)
    object["acquisitions_per_s"] = to_json(*sections.acquisitions_per_s);
  if (sections.bounds_only) object["bounds_only"] = true;
  if (sections.threads != 0) object["acquiring_threads"] = sections.threads;
  set_if(object, "contended_share", sections.contended_share);
  set_if(object, "read_share", sections.read_share);
  if (sections.hold) object["hold_ns"] = to_json(*sections.hold);
  if (sections.hold_mean_ns) object["hold_mean_ns"] = to_json(*sections.hold_mean_ns);
  set_if(object, "utilisation", sections.utilisation);
  set_if(object, "ceiling_per_s", sections.ceiling_per_s);
  set_if(object, "ceiling_threads", sections.ceiling_threads);
  if (sections.bounds_only) return;
  object["holders"] = list(sections.holders, to_json);
  object["what_if"] = list(sections.what_if, to_json);
}

}  // namespace cw
