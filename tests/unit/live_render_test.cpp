// Whole screens against files in tests/golden, and what no screen may do.
#include <gtest/gtest.h>

#include <string>

#include "golden.h"
#include "live/glyphs.h"
#include "live/palette.h"
#include "live_fixtures.h"

namespace cw::test {
namespace {

using live::Charset;
using live::KeyName;
using live::Model;

// Three intervals, the last of them guilty.
Model guilty(std::size_t width, std::size_t height, Charset charset = Charset::kUtf8) {
  Model model;
  model.charset = charset;
  Report calmer = guilty_report();
  calmer.locks[0].waiters_mean = 0.6;
  calmer.locks[1].waiters_mean = 0.5;
  Report last = guilty_report();
  last.locks[2].name = "orders::prices";
  last.locks[2].address += 64;
  return sized(told(std::move(model), {healthy_report(), calmer, last}), width, height);
}

TEST(LiveScreen, Smallest) {
  expect_golden("live_60x15.txt", text_of(guilty(60, 15)));
}
TEST(LiveScreen, Usual) {
  expect_golden("live_80x24.txt", text_of(guilty(80, 24)));
}
TEST(LiveScreen, Large) {
  expect_golden("live_120x40.txt", text_of(guilty(120, 40)));
}
TEST(LiveScreen, Wide) {
  expect_golden("live_200x50.txt", text_of(guilty(200, 50)));
}
TEST(LiveScreen, Ascii) {
  const std::string text = text_of(guilty(80, 24, Charset::kAscii));
  for (const char letter : text) ASSERT_LT(static_cast<unsigned char>(letter), 0x80);
  expect_golden("live_ascii.txt", text);
}
TEST(LiveScreen, RowOpened) {
  expect_golden("live_row.txt", text_of(pressed(guilty(80, 50), KeyName::kEnter)));
  expect_golden("live_row_wide.txt", text_of(pressed(guilty(120, 40), KeyName::kEnter)));
}
TEST(LiveScreen, Allocations) {
  Model model = sized(told({}, {allocating_report()}), 100, 30);
  model = typed(std::move(model), "2");
  expect_golden("live_allocations.txt", text_of(model));
  expect_golden("live_allocator.txt", text_of(pressed(model, KeyName::kEnter)));
  expect_golden("live_site.txt", text_of(pressed(pressed(model, KeyName::kDown), KeyName::kEnter)));
}
TEST(LiveScreen, Memory) {
  Model model = typed(sized(told({}, {allocating_report()}), 100, 30), "3");
  expect_golden("live_memory.txt", text_of(pressed(std::move(model), KeyName::kEnter)));
}
TEST(LiveScreen, Machine) {
  expect_golden("live_machine.txt", text_of(sized(told({}, {machine_report()}), 80, 24)));
}
TEST(LiveScreen, Help) {
  expect_golden("live_help.txt", text_of(typed(guilty(80, 24), "?")));
}
TEST(LiveScreen, Styles) {
  const Model model = guilty(80, 24);
  expect_golden("live_styles.txt", styles_of(live::render(model, model.size)));
}

TEST(LiveScreen, BeforeTheFirstReport) {
  Model model;
  model.awaited = "waiting for the first report";
  EXPECT_NE(text_of(model).find("waiting for the first report"), std::string::npos);
}

TEST(LiveScreen, TooSmallSaysSoInOneLine) {
  const std::string text = text_of(guilty(59, 15));
  EXPECT_NE(text.find("60x15 is needed, this is 59x15"), std::string::npos);
  EXPECT_EQ(text_of(guilty(60, 14)).find("CULPRIT"), std::string::npos);
  for (std::size_t width = 0; width < 70; ++width)
    for (std::size_t height = 0; height < 18; ++height)
      EXPECT_EQ(live::render(guilty(80, 24), {width, height}).size(), (live::Size{width, height}));
}

TEST(LiveScreen, EverySizeAndPaneFits) {
  for (const std::size_t width : {60, 75, 80, 111, 200})
    for (const std::size_t height : {15, 20, 24, 47})
      for (const char* const keys : {"", "1", "2", "3", "4", "5", "v", "?", "/ab", "ss", "[["}) {
        Model model = typed(guilty(width, height), keys);
        EXPECT_EQ(live::render(model, model.size).size(), model.size);
        model = pressed(std::move(model), KeyName::kEnter);
        EXPECT_EQ(live::render(model, model.size).size(), model.size);
      }
}

TEST(LiveScreen, HostileNamesStayInTheirCells) {
  Report report = guilty_report();
  LockReport& lock = report.locks[0];
  lock.has_symbol = false;
  lock.name = "\x1b[2J\x1b]0;owned\x07\n\r\t\xff\xc3(";
  lock.name.append({'\xe2', '\x80', '\xae'}).append("fdp.exe");  // U+202E: what follows is reversed
  lock.comm =
      "\x9b"
      "31m";
  lock.waiters[0].stack.frames[1].function =
      "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81 \xe6\xbc\xa2\xe5\xad\x97";
  report.processes[0].comm = "a\nb";
  report.verdict.summary = "\x1b[31mred";
  for (const char* const keys : {"", "v", "4"}) {
    Model model = typed(sized(told({}, {report}), 120, 40), keys);
    for (int open = 0; open < 2; ++open) {
      const live::Cells cells = live::render(model, model.size);
      for (std::size_t y = 0; y < cells.size().height; ++y)
        for (std::size_t x = 0; x < cells.size().width; ++x) {
          const std::string& glyph = cells.at(x, y).glyph;
          if (glyph.empty()) {
            ASSERT_EQ(live::columns_of(live::glyphs_of(cells.at(x - 1, y).glyph)), 2U);
            continue;
          }
          ASSERT_GE(static_cast<unsigned char>(glyph[0]), 0x20U) << x << " " << y;
          ASSERT_NE(glyph[0], 0x7f);
          ASSERT_LE(glyph.size(), 8U) << glyph;  // a character and two marks
        }
      model = pressed(std::move(model), KeyName::kEnter);
    }
  }
}

TEST(LiveScreen, LossesAreSaid) {
  Report report = guilty_report();
  report.fidelity.lost.waits = 1200;
  EXPECT_NE(text_of(sized(told({}, {report}), 120, 30)).find("LOST: 1,200 waits"),
            std::string::npos);
}

TEST(LiveGlyphs, WidthsAreThoseOfTheTerminal) {
  const auto glyphs = live::glyphs_of(
      "a\xe6\xbc\xa2"
      "e\xcc\x81\xcc\xa3\xcc\xa4!\xcc\x81");
  ASSERT_EQ(glyphs.size(), 4U);
  EXPECT_EQ(glyphs[1].columns, 2U);
  EXPECT_EQ(glyphs[2].text, "e\xcc\x81\xcc\xa3");  // the third mark is one too many
  EXPECT_EQ(live::columns_of(glyphs), 5U);
  EXPECT_EQ(live::glyphs_of("\xcc\x81"
                            "a")
                .size(),
            2U);  // a mark on nothing
}

// The right half of a wide glyph is never left alone.
TEST(LiveCells, WideGlyphsAreNotHalved) {
  live::Canvas canvas({.width = 4, .height = 1}, Charset::kUtf8);
  EXPECT_EQ(canvas.put(0, 0, "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", {}, 3), 2U);
  EXPECT_EQ(text_of(canvas.take()), "\xe6\xbc\xa2\n");
  live::Canvas ascii({.width = 4, .height = 1}, Charset::kAscii);
  ascii.put(0, 0,
            "\xe6\xbc\xa2"
            "a");
  EXPECT_EQ(text_of(ascii.take()), "??a\n");
}

// Levels are told apart without colours, with few and with many, selected or not.
TEST(LivePalette, LevelsDiffer) {
  using live::Style;
  for (const int colours : {0, 8, 16, 256})
    for (const bool selected : {false, true}) {
      const auto look = [&](Style style) { return live::look_of(style, selected, colours); };
      EXPECT_NE(look(Style::kCulprit), look(Style::kSuspect)) << colours;
      EXPECT_NE(look(Style::kSuspect), look(Style::kPlain)) << colours;
      EXPECT_NE(live::look_of(Style::kPlain, true, colours),
                live::look_of(Style::kPlain, false, colours));
      EXPECT_EQ(look(Style::kCulprit).foreground >= 0, colours >= 8);
    }
}

TEST(LivePalette, Looks) {
  std::string text;
  for (const int colours : {0, 16, 256})
    for (int style = 0; style < static_cast<int>(live::kStyles); ++style) {
      const live::Look look = live::look_of(static_cast<live::Style>(style), false, colours);
      text += std::to_string(colours) + " " + static_cast<char>('a' + style) + " " +
              std::to_string(look.foreground) + " " + std::to_string(look.background) +
              (look.bold ? " bold" : "") + (look.faint ? " faint" : "") +
              (look.underlined ? " underlined" : "") + (look.reversed ? " reversed" : "") + "\n";
    }
  expect_golden("live_looks.txt", text);
}

}  // namespace
}  // namespace cw::test
