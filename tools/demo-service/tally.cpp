#include "tally.h"

#include <algorithm>

namespace orders {

void Tally::answered(Clock::duration latency) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  const uint64_t bucket = static_cast<uint64_t>(us) / kBucketUs;
  ++latency_[std::min<uint64_t>(bucket, latency_.size() - 1)];
  ++requests;
}

void Tally::add(const Tally& other) {
  requests += other.requests;
  acquisitions += other.acquisitions;
  contended += other.contended;
  wait_ns += other.wait_ns;
  max_wait_ns = std::max(max_wait_ns, other.max_wait_ns);
  held_ns += other.held_ns;
  for (size_t i = 0; i < latency_.size(); ++i) latency_[i] += other.latency_[i];
}

uint64_t Tally::latency_us(double share) const {
  const auto wanted = static_cast<uint64_t>(share * static_cast<double>(requests));
  uint64_t seen = 0;
  for (size_t i = 0; i < latency_.size(); ++i) {
    seen += latency_[i];
    if (seen > wanted) return (i + 1) * kBucketUs;
  }
  return 0;
}

std::string report(const Tally& total, std::string_view design, uint64_t turned_away,
                   Clock::duration elapsed) {
  const auto elapsed_ns =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  std::string text = R"({"design":")" + std::string(design) + '"';
  const auto field = [&text](const char* name, uint64_t value) {
    text.append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  field("elapsed_ns", elapsed_ns);
  field("requests", total.requests);
  field("requests_per_s", total.requests * 1'000'000'000 / elapsed_ns);
  field("turned_away", turned_away);
  field("acquisitions", total.acquisitions);
  field("contended", total.contended);
  field("wait_ns", total.wait_ns);
  field("max_wait_ns", total.max_wait_ns);
  field("held_ns", total.held_ns);
  field("latency_p50_us", total.latency_us(0.50));
  field("latency_p99_us", total.latency_us(0.99));
  return text + "}";
}

}  // namespace orders
