#include "export_browser.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace cw::test {
namespace {

using BrowserClock = std::chrono::steady_clock;

constexpr auto kAnswerPatience =
    std::chrono::seconds(120);  // with one answer; machines are crowded
constexpr auto kCloseGrace = std::chrono::seconds(20);
constexpr int kCommands = 3;  // what --remote-debugging-pipe reads, and writes
constexpr int kAnswers = 4;
constexpr const char* kGone = "chromium has ended, or is not installed; ";

[[noreturn]] void give_up(const std::string& why) {
  throw std::runtime_error("browser: " + why);
}

// In the child. Does not come back.
void become_browser(const std::filesystem::path& folder, int line) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  const int said = open((folder / "said").c_str(), O_WRONLY | O_CREAT, 0600);
  line = fcntl(line, F_DUPFD_CLOEXEC, kAnswers + 1);  // it may have one of their numbers
  if (said < 0 || dup2(said, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0 || line < 0 ||
      dup2(line, kCommands) < 0 || dup2(line, kAnswers) < 0)
    _exit(126);
  setenv("HOME", folder.c_str(), 1);
  const std::string profile = "--user-data-dir=" + (folder / "profile").string();
  execlp("chromium", "chromium", "--headless", "--remote-debugging-pipe", profile.c_str(),
         "--no-sandbox",  // root has none
         "--disable-gpu", "--disable-dev-shm-usage", "--disable-breakpad", "--hide-scrollbars",
         "--no-first-run", "--disable-background-networking", static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

Browser::Browser() {
  std::string folder = (std::filesystem::temp_directory_path() / "browser_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) give_up("no folder");
  folder_ = folder;
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) give_up("no sockets");
  line_ = Fd(ends[0]);
  const Fd its(ends[1]);
  pid_ = fork();
  if (pid_ < 0) give_up("no process");
  if (pid_ == 0) become_browser(folder_, its.get());
}

// Once the other one is through, there is something to be ended.
Browser::Browser(int width, int height) : Browser() {
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  const Json page =
      call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}});
  session_ = page.at("sessionId");
  for (const char* part : {"Page.enable", "Runtime.enable", "Network.enable"}) call(part);
  resize(width, height);
}

Browser::~Browser() {
  line_.reset();  // at which it ends
  const auto end = BrowserClock::now() + kCloseGrace;
  while (waitpid(pid_, nullptr, WNOHANG) == 0 && BrowserClock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Browser::resize(int width, int height) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
  // The page is told when its next frame is drawn.
  const std::string drawn =
      "new Promise(done => { const wait = () => innerWidth === " + std::to_string(width) +
      " ? requestAnimationFrame(done) : setTimeout(wait, 5);"
      " requestAnimationFrame(wait); })";
  value_of(drawn);
}

void Browser::open(const std::filesystem::path& file) {
  url_ = "file://" + std::filesystem::absolute(file).string();
  loaded_ = false;
  boxes_.clear();
  failures_.clear();
  fetched_.clear();
  call("Page.navigate", {{"url", url_}});
  while (!loaded_) take(receive());
}

Browser::Json Browser::value_of(const std::string& expression) {
  const Json answer =
      call("Runtime.evaluate",
           {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails"))
    give_up(expression.substr(0, 200) + ": " + answer.dump());
  return answer.at("result").value("value", Json());
}

void Browser::mouse(const char* what, double x, double y) {
  const bool moves = std::string_view(what) == "mouseMoved";
  call("Input.dispatchMouseEvent", {{"type", what},
                                    {"x", x},
                                    {"y", y},
                                    {"button", moves ? "none" : "left"},
                                    {"clickCount", moves ? 0 : 1}});
}

void Browser::click(double x, double y) {
  point_at(x, y);
  mouse("mousePressed", x, y);
  mouse("mouseReleased", x, y);
}

void Browser::press(const std::string& key) {
  Json down = {{"type", "keyDown"}, {"key", key}};
  if (key.size() == 1) down["text"] = key;
  call("Input.dispatchKeyEvent", down);
  call("Input.dispatchKeyEvent", {{"type", "keyUp"}, {"key", key}});
}

std::string Browser::screenshot() {
  return call("Page.captureScreenshot", {{"format", "png"}}).at("data");
}

int Browser::send(const std::string& method, const Json& parameters) {
  Json message = {{"id", ++calls_}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) message["sessionId"] = session_;
  std::string text = message.dump();
  text += '\0';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t part = ::send(line_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (part <= 0) give_up(kGone + last_words());
    sent += static_cast<std::size_t>(part);
  }
  return calls_;
}

// Events come between a command and its answer: a click that opens a box has none before the box is
// closed.
Browser::Json Browser::call(const std::string& method, const Json& parameters) {
  const int id = send(method, parameters);
  for (;;) {
    Json message = receive();
    if (message.value("id", 0) != id) {
      take(message);
      continue;
    }
    if (message.contains("error")) give_up(method + ": " + message.at("error").dump());
    return message.at("result");
  }
}

Browser::Json Browser::receive() {
  const auto end = BrowserClock::now() + kAnswerPatience;
  std::array<char, 65536> part{};
  std::size_t length = 0;
  while ((length = received_.find('\0')) == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - BrowserClock::now());
    pollfd waiting{.fd = line_.get(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0)
      give_up("no answer; " + last_words());
    const ssize_t got = read(line_.get(), part.data(), part.size());
    if (got <= 0) give_up(kGone + last_words());
    received_.append(part.data(), static_cast<std::size_t>(got));
  }
  Json message = Json::parse(received_.substr(0, length));
  received_.erase(0, length + 1);
  return message;
}

void Browser::take(const Json& event) {
  const std::string method = event.value("method", "");
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Runtime.exceptionThrown") failures_.push_back(event.at("params").dump());
  if (method == "Network.requestWillBeSent") {
    const std::string url = event.at("params").at("request").at("url");
    if (url != url_ && !url.starts_with("data:")) fetched_.push_back(url);
  }
  if (method != "Page.javascriptDialogOpening") return;
  boxes_.push_back(event.at("params").at("message"));
  send("Page.handleJavaScriptDialog", {{"accept", true}, {"promptText", answer_}});
}

std::string Browser::last_words() const {
  const std::ifstream stream(folder_ / "said");
  std::ostringstream text;
  text << stream.rdbuf();
  return "it said: " + text.str();
}

}  // namespace cw::test
