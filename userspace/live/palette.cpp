#include "live/palette.h"

#include <array>

namespace cw::live {
namespace {

struct Tints {
  Style style;
  int of_256;
  int of_8;
  bool bold;   // where there are colours
  bool faint;  // where the terminal has no grey
};

// Colours that tell states apart for those, too, who see red and green alike: light against dark.
constexpr std::array<Tints, kStyles> kTints = {{
    {Style::kPlain, -1, -1, false, false},
    {Style::kTitle, -1, -1, true, false},
    {Style::kLabel, 110, 6, false, false},
    {Style::kFaint, 245, -1, false, true},
    {Style::kAccent, 117, 6, true, false},
    {Style::kFine, 114, 2, true, false},
    {Style::kSuspect, 221, 3, true, false},
    {Style::kCulprit, 203, 1, true, false},
    {Style::kOnCpu, 114, 2, false, false},
    {Style::kRunnable, 221, 3, false, false},
    {Style::kOnLocks, 203, 1, false, false},
    {Style::kIdle, 241, -1, false, true},
    {Style::kOther, 67, 4, false, false},
    {Style::kTrend, 153, 6, false, false},
}};

constexpr int kSelectedOf256 = 238;

Look without_colours(Style style) {
  Look look;
  look.bold = style == Style::kTitle || style == Style::kAccent || style == Style::kSuspect ||
              style == Style::kCulprit;
  look.underlined = style == Style::kLabel;
  look.reversed = style == Style::kCulprit;
  return look;
}

}  // namespace

Look look_of(Style style, bool selected, int colours) {
  Look look;
  if (colours < 8) {
    look = without_colours(style);
    look.reversed = look.reversed != selected;  // still told apart in a selected line
    return look;
  }
  const Tints& tints = kTints.at(static_cast<std::size_t>(style));
  look.foreground = colours >= 256 ? tints.of_256 : tints.of_8;
  look.bold = tints.bold;
  look.faint = tints.faint && colours < 256;
  if (!selected) return look;
  look.bold = true;
  look.faint = false;
  if (colours >= 256)
    look.background = kSelectedOf256;
  else
    look.reversed = true;
  return look;
}

}  // namespace cw::live
