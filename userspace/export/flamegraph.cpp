#include "export/flamegraph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "export/flame_tree.h"
#include "export/flamegraph_script.h"
#include "output/format.h"
#include "output/layout.h"
#include "output/symbol.h"

namespace cw {
namespace {

constexpr double kWidth = 1200;     // of all locks together, in the picture's own units
constexpr double kRow = 18;         // height of a frame
constexpr double kHeader = 62;      // above the picture
constexpr double kFooter = 30;      // below
constexpr double kLetter = 6.7;     // width of a letter, rather too much
constexpr double kNarrowest = 0.1;  // narrower frames are left out
constexpr std::size_t kDeepest = 200;

enum class Side : std::uint8_t { kWaiters, kLock, kReleasers };

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

// The same name has the same colour in every picture; waiters warm, releasers cold.
std::string color_of(std::string_view name, Side side) {
  if (side == Side::kLock) return "#d8d8e0";
  std::uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
  const std::uint32_t hue = side == Side::kWaiters ? 5 + hash % 45 : 170 + hash % 50;
  return fmt::format("hsl({},{}%,{}%)", hue, 65 + (hash >> 8U) % 20, 62 + (hash >> 16U) % 12);
}

class Picture {
 public:
  explicit Picture(const Profile& profile)
      : is_of_locks_(profile.what() == ProfileOf::kLocks), locks_(flame_locks(profile)) {
    std::size_t above = 0;
    std::size_t below = 0;
    for (const FlameLock& lock : locks_) {
      total_ += lock.amount;
      above = std::max(above, lock.waiters.depth());
      below = std::max(below, lock.releasers.depth());
    }
    above = std::min(above, kDeepest);
    below = std::min(below, kDeepest);
    middle_ = kHeader + static_cast<double>(above) * kRow;
    height_ = middle_ + static_cast<double>(below + 1) * kRow + kFooter;
    seconds_ = profile.duration_s();
  }

  std::string draw() {
    put_head();
    double x = 0;
    for (const FlameLock& lock : locks_) {
      const double width = width_of(lock.amount);
      put_frame(lock.name, lock.amount, lock.waiters.count, {x, width, 0, Side::kLock});
      put_inside(lock.waiters, x, 1, Side::kWaiters);
      put_inside(lock.releasers, x, 1, Side::kReleasers);
      x += width;
    }
    put("</g>\n<script><![CDATA[{}]]></script>\n</svg>\n", kFlamegraphScript);
    return std::move(out_);
  }

 private:
  struct Place {
    double x;
    double width;
    std::size_t level;  // from the row of locks
    Side side;
  };

  template <typename... Values>
  void put(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Values>(values)...);
  }

  [[nodiscard]] double width_of(double amount) const {
    return total_ > 0 ? amount / total_ * kWidth : 0;
  }
  [[nodiscard]] std::string amount_text(double amount) const {
    return is_of_locks_ ? format_duration(amount) : format_bytes(amount);
  }

  [[nodiscard]] std::string explanation() const {
    if (locks_.empty()) return "Nothing was seen.";
    return fmt::format("{} Click to zoom, / to search, Esc to go back.",
                       is_of_locks_
                           ? "Up: stacks of those who wait; down: of those who let them go on."
                           : "Stacks of those who allocate, by bytes.");
  }

  void put_head() {
    put("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"100%\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\" preserveAspectRatio=\"xMidYMin\" font-family=\"monospace\" "
        "font-size=\"11\">\n"
        "<style>:root{{min-height:100vh}}.f{{cursor:pointer}}.f rect{{stroke:#fbfbf8;"
        "stroke-width:.6}}.f:hover rect{{stroke:#000;stroke-width:1}}.m rect{{fill:#f6f}}"
        ".x{{display:none}}text{{pointer-events:none}}#reset,#search{{pointer-events:all;"
        "cursor:pointer}}</style>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fbfbf8\"/>\n",
        kWidth, height_);
    const std::string time = format_duration(seconds_ * 1e9);
    const std::string title =
        is_of_locks_ ? fmt::format("Waiting for locks: {} of threads&apos; time in {}",
                                   amount_text(total_), time)
                     : fmt::format("Allocations: about {} in {}", amount_text(total_), time);
    put("<text x=\"6\" y=\"18\" font-size=\"15\">{}</text>\n"
        "<text x=\"6\" y=\"36\">{}</text>\n"
        "<text id=\"reset\" class=\"x\" x=\"6\" y=\"53\">[whole picture]</text>\n"
        "<text id=\"search\" x=\"100%\" dx=\"-6\" y=\"18\" text-anchor=\"end\">[search]</text>\n"
        "<text id=\"found\" x=\"100%\" dx=\"-6\" y=\"36\" text-anchor=\"end\"></text>\n"
        "<text id=\"about\" x=\"6\" y=\"{}\"></text>\n<g id=\"frames\">\n",
        title, explanation(), height_ - 10);
  }

  void put_inside(const FlameNode& node, double x, std::size_t level, Side side) {
    if (level > kDeepest) return;
    for (const auto& [name, inner] : node.inside) {
      const double width = width_of(inner.amount);
      if (width >= kNarrowest) {
        put_frame(name, inner.amount, inner.count, {x, width, level, side});
        put_inside(inner, x, level + 1, side);
      }
      x += width;
    }
  }

  // data-*: where it was before any zoom, and its side: up, down, or a lock.
  void put_frame(const std::string& name, double amount, double count, const Place& place) {
    const double rows = static_cast<double>(place.level) * kRow;
    const double y = place.side == Side::kReleasers ? middle_ + rows : middle_ - rows;
    const char* const side = place.side == Side::kLock      ? "lock"
                             : place.side == Side::kWaiters ? "up"
                                                            : "down";
    const bool is_function = place.side != Side::kLock && !name.starts_with('[');
    const std::string shown = is_function ? short_symbol(name) : name;
    const std::string title = fmt::format(
        "{}: {}, {} of all; {}", name, amount_text(amount), format_share(amount / total_),
        format_plural(static_cast<std::uint64_t>(std::llround(count)),
                      !is_of_locks_                    ? "allocation"
                      : place.side == Side::kReleasers ? "wake"
                                                       : "wait"));
    put(R"(<g class="f" data-x="{:.3f}" data-w="{:.3f}" data-s="{}" data-l="{}" data-n="{}">)"
        "<title>{}</title>",
        place.x, place.width, side, place.level, escaped(shown), escaped(title));
    put(R"(<rect x="{:.3f}" y="{}" width="{:.3f}" height="{}" rx="1" fill="{}"/>)", place.x, y,
        place.width, kRow - 1, color_of(name, place.side));
    const auto letters = static_cast<std::size_t>(std::max(0.0, (place.width - 6) / kLetter));
    put("<text x=\"{:.3f}\" y=\"{}\">{}</text></g>\n", place.x + 3, y + 12.5,
        letters < 4 ? "" : escaped(cut(shown, letters)));
  }

  bool is_of_locks_;
  std::vector<FlameLock> locks_;
  double total_ = 0;
  double middle_ = 0;  // top of the row of locks
  double height_ = 0;
  double seconds_ = 0;
  std::string out_;
};

}  // namespace

std::string to_flamegraph(const Profile& profile) {
  return Picture(profile).draw();
}

}  // namespace cw
