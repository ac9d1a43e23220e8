// The flame graph in a real browser: what a click, a key and the pointer make of it, and what is
// seen.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "export/flamegraph.h"
#include "export_browser.h"
#include "export_fixtures.h"

namespace cw {
namespace {

constexpr int kWide = 1200;  // pixels
constexpr int kHigh = 600;

// Each frame by its side and name, where it is on the screen.
constexpr const char* kFramesShown = R"js(
Object.fromEntries([...document.querySelectorAll(".f")].map((frame) => {
  const rect = frame.querySelector("rect"), box = rect.getBoundingClientRect();
  return [frame.dataset.s + " " + frame.dataset.n,
          { x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width,
            label: frame.querySelector("text").textContent,
            title: frame.querySelector("title").textContent,
            fill: getComputedStyle(rect).fill, marked: frame.classList.contains("m") }];
})))js";

class FlamegraphInBrowser : public testing::Test {
 protected:
  ~FlamegraphInBrowser() override { std::filesystem::remove(file_); }

  void show(const std::string& svg) {
    std::ofstream(file_) << svg;
    browser_.open(file_);
  }
  void show(const Report& report, ProfileOf what = ProfileOf::kLocks) {
    Profile profile(what);
    profile.add(report);
    show(to_flamegraph(profile));
  }
  nlohmann::json frames() { return browser_.value_of(kFramesShown); }
  nlohmann::json frame(const std::string& name) { return frames().at(name); }
  double width_of(const std::string& name) { return frame(name).at("width"); }
  std::string text_of(const std::string& id) {
    return browser_.value_of("document.getElementById('" + id + "').textContent");
  }
  void click_on(const nlohmann::json& place) { browser_.click(place.at("x"), place.at("y")); }
  void click_on_text(const std::string& id) {
    click_on(
        browser_.value_of("(box => ({x: box.x + box.width / 2, y: box.y + box.height / 2}))"
                          "(document.getElementById('" +
                          id + "').getBoundingClientRect())"));
  }
  void expect_undisturbed() {
    EXPECT_EQ(browser_.failures(), std::vector<std::string>{});
    EXPECT_EQ(browser_.fetched(), std::vector<std::string>{});
  }

  std::string file_ = testing::TempDir() + "flamegraph_" + std::to_string(getpid()) + ".svg";
  test::Browser browser_{kWide, kHigh};
};

constexpr const char* kLookup = "up orders::lookup";
constexpr const char* kSettle = "up orders::settle";
constexpr const char* kLedgerLock = "lock mutex orders::ledger (orders-api)";
constexpr const char* kRatesLock = "lock rwlock orders::rates (orders-api)";

TEST_F(FlamegraphInBrowser, ClickZoomsInAndEscapeBack) {
  show(test::guilty_report());
  const nlohmann::json before = frames();
  EXPECT_NEAR(width_of(kLookup), 0.74 * width_of(kLedgerLock), 0.5);
  EXPECT_GT(width_of(kSettle), 100);

  click_on(frame("up clerk"));
  EXPECT_NEAR(width_of(kLookup), kWide, 1) << "what is inside of it, too";
  browser_.press("Escape");
  EXPECT_EQ(frames(), before);

  click_on(frame(kLookup));
  EXPECT_NEAR(width_of(kLookup), kWide, 1) << "the whole width";
  EXPECT_NEAR(width_of(kLedgerLock), kWide, 1) << "what it is inside of, too";
  EXPECT_NEAR(width_of("up clerk"), kWide, 1);
  EXPECT_EQ(width_of(kSettle), 0) << "others are gone";
  EXPECT_EQ(width_of(kRatesLock), 0);
  EXPECT_EQ(width_of("down orders::refresh"), 0) << "the other side, too";

  browser_.press("Escape");
  EXPECT_EQ(frames(), before);

  click_on(frame(kRatesLock));
  EXPECT_NEAR(width_of(kRatesLock), kWide, 1);
  EXPECT_EQ(frame(kRatesLock).at("label"), "rwlock orders::rates (orders-api)") << "there is room";
  click_on_text("reset");
  EXPECT_EQ(frames(), before);
  expect_undisturbed();
}

TEST_F(FlamegraphInBrowser, SearchMarksWhatMatches) {
  show(test::guilty_report());
  const auto marked = [this] {
    std::vector<std::string> names;
    const nlohmann::json shown = frames();
    for (const auto& [name, place] : shown.items())
      if (place.at("marked")) names.push_back(name);
    return names;
  };
  const std::string plain = frame(kSettle).at("fill");
  browser_.answer_with("Settle");
  browser_.press("/");
  EXPECT_EQ(browser_.boxes(), std::vector<std::string>{"Part of a name:"});
  EXPECT_EQ(marked(), (std::vector<std::string>{"down orders::settle", kSettle}));
  EXPECT_EQ(frame(kSettle).at("fill"), frame("down orders::settle").at("fill"));
  EXPECT_NE(frame(kSettle).at("fill"), plain) << "it is seen";
  EXPECT_EQ(text_of("found"), "24.7 % of all");

  browser_.answer_with("orders::l");
  click_on_text("search");
  EXPECT_EQ(marked(), (std::vector<std::string>{kLedgerLock, kLookup}));
  EXPECT_EQ(text_of("found"), "95.2 % of all") << "one inside the other counts once";

  browser_.press("Escape");
  EXPECT_EQ(marked(), std::vector<std::string>{});
  EXPECT_EQ(text_of("found"), "");
  expect_undisturbed();
}

TEST_F(FlamegraphInBrowser, FillsTheWidthAndIsScrolledWhereItIsHigh) {
  Report report = test::guilty_report();
  report.locks.resize(1);
  Stack& stack = report.locks[0].waiters[0].stack;
  stack.frames.insert(stack.frames.end(), 80, stack.frames.back());
  show(report);
  const auto height_of_a_row = [this] {
    return browser_.value_of("document.querySelector('.f rect').getBoundingClientRect().height");
  };
  EXPECT_EQ(height_of_a_row(), 17);
  EXPECT_GT(browser_.value_of("document.documentElement.scrollHeight"), 80 * 18);
  EXPECT_NEAR(width_of(kLedgerLock), kWide, 1);

  click_on(frame("up clerk"));
  browser_.resize(500, kHigh);
  EXPECT_EQ(height_of_a_row(), 17) << "as large as before";
  EXPECT_NEAR(width_of(kLedgerLock), 500, 1);
  EXPECT_NEAR(width_of("up clerk"), 500, 1) << "still zoomed in";
  expect_undisturbed();
}

TEST_F(FlamegraphInBrowser, PointerTellsWhatIsUnderIt) {
  show(test::guilty_report());
  const nlohmann::json lookup = frame(kLookup);
  const std::string title = lookup.at("title");
  EXPECT_TRUE(title.starts_with("orders::lookup: 9.4 s, 70 % of all; ")) << title;
  EXPECT_EQ(text_of("about"), "");
  browser_.point_at(lookup.at("x"), lookup.at("y"));
  EXPECT_EQ(text_of("about"), title);

  show(test::guilty_report(), ProfileOf::kAllocations);
  const nlohmann::json parse = frame("up orders::parse");
  browser_.point_at(parse.at("x"), parse.at("y"));
  EXPECT_EQ(text_of("about"), "orders::parse: 2.4 MB, 40 % of all; 28,350 allocations");
  expect_undisturbed();
}

// Each would be run by a page that takes it for markup, or for a part of its script.
const std::vector<std::string>& attacks() {
  static const std::vector<std::string> kAttacks = {
      "<script>alert(1)</script>",
      "<image href=\"http://127.0.0.1:9/\" onerror=\"alert(2)\"/>",
      "\" onmouseenter=\"alert(3)\" onclick='alert(3)' x=\"",
      "]]></script><script>alert(4)//",
      "</title></g><svg onload=alert(5)>",
      "\n&lt;script&gt;alert(6)&lt;/script&gt;\r\n\t",
      "&#60;script>alert(7)</script>",
      std::string("\xff\xfe<script>\xc3\x28\xf0\x80") + "alert(8)</script>",
      std::string(1, '\0') + "\x01\x1b[31m<script>alert(9)</script>",
      "\xe2\x80\xae<script>alert(10)</script>\xef\xbf\xbf\xed\xa0\x80\xe2\x80\xac",
      "${alert(11)}`'\\u003cscript>alert(11)",
      "constructor",
      "__proto__"};
  return kAttacks;
}

TEST_F(FlamegraphInBrowser, HostileNamesAreOnlyShown) {
  Report report = test::guilty_report();
  report.locks.clear();
  for (const std::string& attack : attacks()) {
    LockReport& lock = report.locks.emplace_back(test::ledger());
    lock.name = lock.comm = attack;
    lock.has_symbol = true;
    for (Waiters& waiters : lock.waiters)
      for (Frame& frame : waiters.stack.frames) frame.function = attack;
    for (Releasers& releasers : lock.releasers)
      for (Frame& frame : releasers.stack.frames) frame.function = attack;
  }
  show(report);
  EXPECT_EQ(browser_.value_of("[...new Set([...document.querySelectorAll('*')].map(e => "
                              "e.tagName))].sort().join(' ')"),
            "g rect script style svg text title");
  EXPECT_EQ(browser_.value_of("document.querySelectorAll('script').length"), 1);
  const nlohmann::json shown = frames();
  EXPECT_TRUE(shown.contains("lock mutex <script>alert(1)</script> (<script>alert(1)</script>)"))
      << shown.dump(1);
  for (const auto& [name, place] : shown.items()) {
    browser_.point_at(place.at("x"), place.at("y"));
    EXPECT_EQ(text_of("about"), place.at("title").get<std::string>());
  }
  EXPECT_EQ(browser_.boxes(), std::vector<std::string>{});
  for (const std::string& attack : attacks()) {
    // What no keyboard has is replaced.
    browser_.answer_with(nlohmann::json::parse(
        nlohmann::json(attack).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)));
    browser_.press("/");
  }
  for (const auto& [name, place] : shown.items()) {
    click_on(place);
    browser_.press("Escape");
  }
  for (const std::string& box : browser_.boxes()) EXPECT_EQ(box, "Part of a name:");
  expect_undisturbed();
}

TEST_F(FlamegraphInBrowser, WouldTellIfNamesWereRun) {
  show(R"(<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1); fetch("http://127.0.0.1:9/");
          throw 2</script></svg>)");
  EXPECT_EQ(browser_.boxes(), std::vector<std::string>{"1"});
  EXPECT_EQ(browser_.failures().size(), 1U);
  EXPECT_EQ(browser_.fetched(), std::vector<std::string>{"http://127.0.0.1:9/"});
}

// How large a picture is, how many colours it has, and the colours at some places.
nlohmann::json seen_in(test::Browser& browser, const std::string& png,
                       const nlohmann::json& places) {
  return browser.value_of(R"js((async (places) => {
    const file = await fetch("data:image/png;base64,)js" +
                          png + R"js(");
    const image = await createImageBitmap(await file.blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(
        context.getImageData(0, 0, image.width, image.height).data.buffer);
    const at = (place) => [...context.getImageData(place.x, place.y, 1, 1).data];
    return { width: image.width, height: image.height, colors: new Set(pixels).size,
             at: Object.fromEntries(Object.entries(places).map(([name, place]) =>
                 [name, at(place)])) };
  })()js" + places.dump() +
                          ")");
}

TEST_F(FlamegraphInBrowser, PictureHasTheColoursOfItsSides) {
  show(test::guilty_report());
  nlohmann::json places = frames();
  for (const auto& [name, place] : places.items())  // right of the letters
    place = {{"x", place.at("x").get<double>() + place.at("width").get<double>() / 2 - 2},
             {"y", place.at("y")}};
  const std::string png = browser_.screenshot();
  EXPECT_TRUE(png.starts_with("iVBORw0KGgo")) << "the signature of a PNG, in Base64";
  const nlohmann::json seen = seen_in(browser_, png, places);
  EXPECT_EQ(seen.at("width"), kWide);
  EXPECT_EQ(seen.at("height"), kHigh);
  EXPECT_GT(seen.at("colors"), 20) << "letters have many";
  const auto warmth = [&](const std::string& name) {
    const auto& color = seen.at("at").at(name);
    return color.at(0).get<int>() - color.at(2).get<int>();  // red less blue
  };
  EXPECT_GT(warmth(kLookup), 40);
  EXPECT_GT(warmth(kSettle), 40);
  EXPECT_LT(warmth("down orders::refresh"), -40);
  EXPECT_NEAR(warmth(kLedgerLock), 0, 20);
}

}  // namespace
}  // namespace cw
