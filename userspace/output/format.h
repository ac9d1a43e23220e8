// Numbers as people read them. Whatever is asked, the answer is never "nan" or "inf".
#pragma once

#include <cstdint>
#include <string>

#include "model/estimate.h"

namespace cw {

std::string format_count(std::uint64_t value);  // "9,800"
std::string format_rate(double per_second);     // "9,800", "4.2", "0.03"
std::string format_duration(
    double nanoseconds);                    // "85 ns", "260 us", "1.9 ms", "5.0 s", "2 h 3 min"
std::string format_mean(double threads);    // "12.7", "0.13", "<0.01", "0"
std::string format_tenths(double threads);  // "12.7", "0.1", "0.0": in a row of its like
std::string format_share(double share);     // 0.97: "97 %"; 0.004: "0.4 %"
std::string format_share_interval(const Estimate& share);  // "44-68 %"
std::string format_bytes(double bytes);  // "85 B", "1.9 kB", "260 MB": powers of 1,000
std::string format_cores(double cores);  // "1.9", "0.13", "0.0002", "<0.0001", "0"
// "1 thread", "2 threads", "1,200 threads".
std::string format_plural(std::uint64_t value, const std::string& noun);

}  // namespace cw
