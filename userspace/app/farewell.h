// What the live view leaves on the terminal: the last verdict, and the worst where that was
// another.
#pragma once

#include <optional>
#include <string>

#include "model/report.h"

namespace cw {

// A report that says little, because the end cut its interval short: the one before it stays the
// last.
bool is_cut_short(const Report& report, double seconds_before);

class Farewell {
 public:
  // The last so far.
  void set_last(const Report& report);
  // Any one. Whether it is the worst so far.
  bool consider(const Report& report);
  // Empty: nothing was noted.
  [[nodiscard]] std::string text(bool color) const;

 private:
  // Of these only what a verdict shows.
  std::optional<Report> last_;
  std::optional<Report> worst_;
};

}  // namespace cw
