// The sections of the text report, and the page they are written on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/report.h"
#include "output/text.h"

namespace cw {

// Collects lines. All that is written here is made harmless for a terminal and cut to the width.
class Page {
 public:
  explicit Page(const TextOptions& options);

  void line(std::string_view text);
  void blank();
  // A word in the margin and wrapped text beside it. `paint`: colour of the word.
  void labelled(std::string_view label, std::string_view text, std::string_view paint = {});
  // Wrapped text under an indent.
  void indented(std::size_t indent, std::string_view text);

  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

  static constexpr std::size_t kMargin = 10;

 private:
  std::size_t width_;
  bool color_;
  std::string text_;
};

inline constexpr std::size_t kIndent = 2;  // of a detail's lines
inline constexpr std::size_t kShare = 7;   // "<0.1 % "
inline constexpr std::size_t kFramesShown = 3;
inline constexpr std::string_view kRed = "\x1b[1;31m";
inline constexpr std::string_view kGreen = "\x1b[1;32m";

// Locks worth a row of their own: at least as many threads waiting, or a level.
std::vector<const LockReport*> shown_locks(const Report& report, std::size_t top_n);
// "orders::ledger", short and harmless.
std::string shown_name(const LockReport& lock);
// "orders::settle(Order&)   ledger.cpp:41", not made harmless yet.
std::string frame_text(const Frame& frame);

// The verdict in parts: what is the matter, the sum behind it, what to do next.
struct Answer {
  std::string summary;
  std::string arithmetic;
  std::vector<std::string> advice;
};
Answer answer_of(const Report& report);
// "nothing lost", or what was: "LOST: 3 waits: what stands above is a lower bound".
std::string lost_text(const LossReport& lost);
// Whether the target pays more than the budget, to which counting is not held. Then that is told
// apart.
bool exceeds_budget(const Fidelity& fidelity);

void write_header(Page& page, const Report& report);
void write_verdict(Page& page, const Report& report);
void write_threads(Page& page, const Report& report);
void write_lock_table(Page& page, const Report& report, std::size_t top_n);
void write_idle_table(Page& page, const Report& report, std::size_t top_n);
void write_lock(Page& page, const LockReport& lock, std::size_t number);
void write_sections(Page& page, const LockReport& lock);
void write_explanation(Page& page, const std::vector<std::string>& lines);
void write_groups(Page& page, const Report& report);
void write_memory_detail(Page& page, const Report& report, std::size_t top_n);
void write_observer(Page& page, const Fidelity& fidelity);

}  // namespace cw
