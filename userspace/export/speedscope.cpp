#include "export/speedscope.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "export/call_path.h"

namespace cw {
namespace {

using Json = nlohmann::ordered_json;

// Frames that both profiles share; those that no source line tells apart are one.
class Frames {
 public:
  std::size_t add(const std::string& name, const Frame* frame) {
    const std::string file = frame == nullptr ? "" : frame->file.value_or("");
    const std::uint32_t line = frame == nullptr ? 0 : frame->line.value_or(0);
    const auto [entry, is_new] = indices_.try_emplace({name, file, line}, list_.size());
    if (!is_new) return entry->second;
    Json object = {{"name", name}};
    if (!file.empty()) object["file"] = file;
    if (line != 0) object["line"] = line;
    list_.push_back(std::move(object));
    return entry->second;
  }
  Json take() { return std::move(list_); }

 private:
  std::map<std::tuple<std::string, std::string, std::uint32_t>, std::size_t> indices_;
  Json list_ = Json::array();
};

Json sample_of(const Profile& profile, const ProfiledStack& stack, Frames& frames) {
  Json sample = Json::array();
  for (const auto& [name, frame] : call_path(profile, stack))
    sample.push_back(frames.add(name, frame));
  return sample;
}

Json profile_of(const Profile& profile, const std::map<ProfiledStack, Weight>& stacks,
                const std::string& name, Frames& frames) {
  Json samples = Json::array();
  Json weights = Json::array();
  std::int64_t total = 0;
  for (const auto& [stack, weight] : stacks) {
    const std::int64_t amount = std::llround(weight.amount);
    if (amount <= 0) continue;
    samples.push_back(sample_of(profile, stack, frames));
    weights.push_back(amount);
    total += amount;
  }
  return {{"type", "sampled"},
          {"name", name},
          {"unit", profile.what() == ProfileOf::kLocks ? "nanoseconds" : "bytes"},
          {"startValue", 0},
          {"endValue", total},
          {"samples", std::move(samples)},
          {"weights", std::move(weights)}};
}

}  // namespace

std::string to_speedscope(const Profile& profile, const std::string& name) {
  Frames frames;
  Json profiles = Json::array();
  if (profile.what() == ProfileOf::kLocks) {
    profiles.push_back(profile_of(profile, profile.waiters(), "waiting for locks", frames));
    profiles.push_back(profile_of(profile, profile.releasers(), "letting waiters go on", frames));
  } else {
    profiles.push_back(profile_of(profile, profile.waiters(), "allocating", frames));
  }
  const Json file = {{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                     {"name", name},
                     {"exporter", "contentionwatch"},
                     {"activeProfileIndex", 0},
                     {"shared", {{"frames", frames.take()}}},
                     {"profiles", std::move(profiles)}};
  return file.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cw
