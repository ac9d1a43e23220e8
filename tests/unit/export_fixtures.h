// Reports for the exports, and the programs that read what they write.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "export/profile.h"
#include "output_fixtures.h"

namespace cw::test {

// Whether `command` takes `text` on its standard input and ends well. It must be installed.
inline bool accepts(const std::string& command, const std::string& text) {
  std::FILE* const pipe = popen(command.c_str(), "w");
  if (pipe == nullptr) return false;
  const bool written = std::fwrite(text.data(), 1, text.size(), pipe) == text.size();
  return pclose(pipe) == 0 && written;
}

inline Profile profile_of(const Report& report, ProfileOf what = ProfileOf::kLocks, int times = 1) {
  Profile profile(what);
  for (int i = 0; i < times; ++i) profile.add(report);
  return profile;
}

inline std::string content_of(const std::string& file) {
  const std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline Report report_of(std::size_t locks) {
  Report report = guilty_report();
  report.locks.clear();
  for (std::size_t i = 0; i < locks; ++i) {
    report.locks.push_back(ledger());
    report.locks.back().name = "lock_" + std::to_string(i);
    report.locks.back().has_symbol = true;
  }
  return report;
}

// What would break each format that does not escape it.
inline const std::string kHostile =
    "a\"b'\\c\nd\x1b[31m;<script>&\xff\xe2\x80\xae 1\xe2\x80\xac\xef\xbf\xbf]]>{}";

inline Report hostile_report() {
  Report report = guilty_report();
  for (LockReport& lock : report.locks) {
    lock.name = kHostile;
    lock.comm = kHostile;
    for (Waiters& waiters : lock.waiters)
      for (Frame& frame : waiters.stack.frames) frame.function = frame.module = kHostile;
    for (Releasers& releasers : lock.releasers)
      for (Frame& frame : releasers.stack.frames) frame.function = frame.module = kHostile;
  }
  return report;
}

}  // namespace cw::test
