#include "export/pprof.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <protozero/pbf_builder.hpp>
#include <string_view>
#include <utility>

#include "export/gzip.h"
#include "export/pprof_fields.h"
#include "export/report_time.h"
#include "output/layout.h"

namespace cw {
namespace {

using protozero::pbf_builder;

struct Words {
  const char* count;
  const char* amount;
  const char* unit;
  const char* label;
};
constexpr Words kLockWords{
    .count = "contentions", .amount = "delay", .unit = "nanoseconds", .label = "lock"};
constexpr Words kAllocationWords{
    .count = "alloc_objects", .amount = "alloc_space", .unit = "bytes", .label = "allocator"};

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return text;
}

// Text is written once and referred to by its place; the first is the empty one.
class Strings {
 public:
  Strings() { index_of(""); }
  std::int64_t index_of(std::string_view text) {
    const auto [entry, is_new] =
        indices_.try_emplace(std::string(text), static_cast<std::int64_t>(list_.size()));
    if (is_new) list_.push_back(&entry->first);
    return entry->second;
  }
  [[nodiscard]] const std::vector<const std::string*>& list() const { return list_; }

 private:
  std::map<std::string, std::int64_t> indices_;
  std::vector<const std::string*> list_;
};

// Builds the message. Ids begin at 1.
class Encoder {
 public:
  explicit Encoder(const Profile& profile)
      : profile_(profile),
        words_(profile.what() == ProfileOf::kLocks ? kLockWords : kAllocationWords),
        out_(text_) {}

  std::string run() {
    put_type(words_.count, "count");
    put_type(words_.amount, words_.unit);
    for (const auto& [stack, weight] : profile_.waiters()) put_sample(stack, weight);
    for (const auto& [module, id] : mappings_) put_mapping(module, id);
    for (const auto& [function, id] : functions_) put_function(function, id);
    if (const auto started = unix_ns(profile_.started()))
      out_.add_int64(pprof::Profile::kTimeNanos, *started);
    out_.add_int64(pprof::Profile::kDurationNanos,
                   std::llround(profile_.duration_s() * kNsPerSecond));
    out_.add_int64(pprof::Profile::kDefaultSampleType, strings_.index_of(words_.amount));
    for (const std::string* text : strings_.list())
      out_.add_string(pprof::Profile::kStringTable, *text);
    return std::move(text_);
  }

 private:
  using Function = std::pair<std::string, std::string>;  // name, file
  using Module = std::pair<std::string, std::string>;    // name, build-id

  template <typename Message>
  pbf_builder<Message> part(pprof::Profile field) {
    return {out_, field};
  }

  void put_type(const char* type, const char* unit) {
    auto value_type = part<pprof::ValueType>(pprof::Profile::kSampleType);
    value_type.add_int64(pprof::ValueType::kType, strings_.index_of(type));
    value_type.add_int64(pprof::ValueType::kUnit, strings_.index_of(unit));
  }

  void put_sample(const ProfiledStack& stack, const Weight& weight) {
    const std::vector<std::uint64_t> locations = locations_of(stack);
    auto sample = part<pprof::Sample>(pprof::Profile::kSample);
    sample.add_packed_uint64(pprof::Sample::kLocationId, locations.begin(), locations.end());
    const std::array<std::int64_t, 2> values = {std::llround(weight.count),
                                                std::llround(weight.amount)};
    sample.add_packed_int64(pprof::Sample::kValue, values.begin(), values.end());
    const ProfiledLock& lock = profile_.locks()[stack.lock];
    put_label(sample, words_.label, lock.name);
    if (profile_.what() == ProfileOf::kLocks) put_label(sample, "kind", name_of(lock.kind));
    put_label(sample, "process", lock.process);
  }

  void put_label(pbf_builder<pprof::Sample>& sample, const char* key, std::string_view text) {
    pbf_builder<pprof::Label> label(sample, pprof::Sample::kLabel);
    label.add_int64(pprof::Label::kKey, strings_.index_of(key));
    label.add_int64(pprof::Label::kText, strings_.index_of(text));
  }

  // A location is a place in the code with all functions that were inlined there.
  std::vector<std::uint64_t> locations_of(const ProfiledStack& stack) {
    std::vector<std::uint64_t> ids;
    std::vector<std::uint32_t> place;
    for (const std::uint32_t frame : stack.frames) {
      place.push_back(frame);
      if (profile_.frames()[frame].inlined) continue;
      ids.push_back(location_of(std::exchange(place, {})));
    }
    if (!place.empty()) ids.push_back(location_of(std::move(place)));
    if (stack.frames.empty()) ids.push_back(made_up("[other stacks]"));
    if (!stack.complete) ids.push_back(made_up("..."));
    return ids;
  }

  std::uint64_t location_of(std::vector<std::uint32_t> place) {
    const auto [entry, is_new] = locations_.try_emplace(std::move(place), next_location_);
    if (is_new) put_location(entry->first, next_location_++);
    return entry->second;
  }

  void put_location(const std::vector<std::uint32_t>& place, std::uint64_t id) {
    const Frame& outermost = profile_.frames()[place.back()];
    const std::uint64_t mapping =
        outermost.module.empty() ? 0
                                 : id_of(mappings_, Module(outermost.module, outermost.build_id));
    auto location = part<pprof::Location>(pprof::Profile::kLocation);
    location.add_uint64(pprof::Location::kId, id);
    location.add_uint64(pprof::Location::kMappingId, mapping);
    if (outermost.function.empty())
      location.add_uint64(pprof::Location::kAddress, outermost.offset);
    for (const std::uint32_t index : place) {
      const Frame& frame = profile_.frames()[index];
      put_line(location, {frame_name(frame), frame.file.value_or("")}, frame.line.value_or(0));
    }
  }

  void put_line(pbf_builder<pprof::Location>& location, const Function& function,
                std::uint32_t number) {
    pbf_builder<pprof::Line> line(location, pprof::Location::kLine);
    line.add_uint64(pprof::Line::kFunctionId, id_of(functions_, function));
    line.add_int64(pprof::Line::kLine, number);
  }

  // What stands where functions are not known.
  std::uint64_t made_up(const std::string& name) {
    const auto [entry, is_new] = made_up_.try_emplace(name, next_location_);
    if (!is_new) return entry->second;
    auto location = part<pprof::Location>(pprof::Profile::kLocation);
    location.add_uint64(pprof::Location::kId, next_location_);
    put_line(location, {name, ""}, 0);
    return next_location_++;
  }

  // The names are known: there is nothing that pprof should look up in files here.
  void put_mapping(const Module& module, std::uint64_t id) {
    auto mapping = part<pprof::Mapping>(pprof::Profile::kMapping);
    mapping.add_uint64(pprof::Mapping::kId, id);
    mapping.add_int64(pprof::Mapping::kFilename, strings_.index_of(printable(module.first)));
    if (!module.second.empty())
      mapping.add_int64(pprof::Mapping::kBuildId, strings_.index_of(hexadecimal(module.second)));
    for (const auto has : {pprof::Mapping::kHasFunctions, pprof::Mapping::kHasFilenames,
                           pprof::Mapping::kHasLineNumbers, pprof::Mapping::kHasInlineFrames})
      mapping.add_bool(has, true);
  }

  void put_function(const Function& function, std::uint64_t id) {
    auto message = part<pprof::Function>(pprof::Profile::kFunction);
    message.add_uint64(pprof::Function::kId, id);
    message.add_int64(pprof::Function::kName, strings_.index_of(function.first));
    message.add_int64(pprof::Function::kSystemName, strings_.index_of(function.first));
    message.add_int64(pprof::Function::kFilename, strings_.index_of(printable(function.second)));
  }

  template <typename Key>
  static std::uint64_t id_of(std::map<Key, std::uint64_t>& ids, const Key& key) {
    return ids.try_emplace(key, ids.size() + 1).first->second;
  }

  const Profile& profile_;
  const Words& words_;
  std::string text_;
  pbf_builder<pprof::Profile> out_;
  Strings strings_;
  std::map<std::vector<std::uint32_t>, std::uint64_t> locations_;
  std::map<std::string, std::uint64_t> made_up_;
  std::uint64_t next_location_ = 1;
  std::map<Module, std::uint64_t> mappings_;
  std::map<Function, std::uint64_t> functions_;
};

}  // namespace

std::string to_pprof(const Profile& profile) {
  return gzip(Encoder(profile).run());
}

}  // namespace cw
