// A page in a real browser, Debian's Chromium without a window: a mouse that clicks, keys, answers
// to what it asks, pictures of what is shown. It is told in the DevTools protocol:
//   https://chromedevtools.github.io/devtools-protocol/
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/fd.h"

namespace cw::test {

// Whatever goes wrong, a browser that is not installed included, is a std::runtime_error.
class Browser {
 public:
  using Json = nlohmann::json;

  Browser(int width, int height);
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser();

  void resize(int width, int height);
  // Until it is loaded.
  void open(const std::filesystem::path& file);

  // Of an expression of JavaScript.
  Json value_of(const std::string& expression);

  void point_at(double x, double y) { mouse("mouseMoved", x, y); }
  void click(double x, double y);
  void press(const std::string& key);
  // What is typed into questions from now on.
  void answer_with(std::string text) { answer_ = std::move(text); }

  // A PNG, in Base64.
  std::string screenshot();

  // Since the page was opened: what it asked or told in a box, scripts that failed, what it fetched
  // beside itself.
  [[nodiscard]] const std::vector<std::string>& boxes() const { return boxes_; }
  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  [[nodiscard]] const std::vector<std::string>& fetched() const { return fetched_; }

 private:
  Browser();  // starts it
  void mouse(const char* what, double x, double y);
  int send(const std::string& method, const Json& parameters);
  Json call(const std::string& method, const Json& parameters = Json::object());
  Json receive();
  void take(const Json& event);
  [[nodiscard]] std::string last_words() const;

  std::filesystem::path folder_;  // its profile, and what it says
  pid_t pid_ = -1;
  Fd line_;               // commands and answers
  std::string received_;  // what of it was not taken yet
  int calls_ = 0;
  std::string session_;  // with the page; empty: with the browser itself
  std::string url_;
  bool loaded_ = false;
  std::string answer_;
  std::vector<std::string> boxes_;
  std::vector<std::string> failures_;
  std::vector<std::string> fetched_;
};

}  // namespace cw::test
