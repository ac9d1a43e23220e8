#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>

#include "live/terminal.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <csignal>
#include <cstring>
#include <cwchar>
#include <map>

#include "live/palette.h"
#include "live/terminal_keys.h"
#include "live/terminal_restore.h"
#include "live/terminfo.h"

namespace cw::live {
namespace {

constexpr int kEscapeMs = 50;     // an Esc that nothing follows for so long was the key
constexpr wint_t kRedraw = 0x0c;  // Ctrl-L
// Turns off all mouse reports; ncurses asks for 1000 and 1006 (xterm's ctlseqs).
constexpr const char* kNoMouse = "\x1b[?1000l\x1b[?1006l";

bool writes_utf8() {
  return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

// What ncurses would write at the end, for when it cannot.
std::string farewell(bool with_mouse) {
  return (with_mouse ? kNoMouse : "") + capability("sgr0") + capability("rmkx") +
         capability("cnorm") + capability("rmcup");
}

bool in_foreground() {
  const pid_t group = tcgetpgrp(STDOUT_FILENO);
  return group < 0 || group == getpgrp();
}

}  // namespace

// Its cells as ncurses wants them.
class Terminal::Screen {
 public:
  Screen(SCREEN* screen, const termios& modes, Colours colours, int errors, int kept_errors)
      : screen_(screen),
        restoration_{.terminal = STDOUT_FILENO,
                     .modes = modes,
                     .sequence = {},
                     .errors = errors,
                     .kept_errors = kept_errors} {
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, TRUE);
    curs_set(0);
    mouseinterval(0);
    const bool mouse = mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, nullptr) != 0;
    if (colours == Colours::kAsTerminal && has_colors() && start_color() == OK) {
      colours_ = COLORS;
      own_colours_ = use_default_colors() == OK;
    }
    restoration_.sequence = farewell(mouse);
    arm_restoration(restoration_);
    refresh();
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    if (!lent_) give_back();
    disarm_restoration();
    delscreen(screen_);
  }

  void draw(const Cells& cells) {
    const bool all = cells.size() != last_.size();
    if (all) erase();
    for (std::size_t y = 0; y < cells.size().height; ++y)
      for (std::size_t x = 0; x < cells.size().width; ++x) {
        const Cell& cell = cells.at(x, y);
        if (cell.glyph.empty() || (!all && cell == last_.at(x, y) && !beside_change(cells, x, y)))
          continue;
        const bool wide = x + 1 < cells.size().width && cells.at(x + 1, y).glyph.empty();
        put(x, y, cell, wide ? 2 : 1);
      }
    last_ = cells;
    refresh();
  }

  // All of it again, whatever is there now.
  void redraw() {
    clearok(curscr, TRUE);
    last_ = Cells(Size{});
  }

  void lend() {
    give_back();
    disarm_restoration();
    lent_ = true;
  }
  void retake() {
    if (!isendwin()) endwin();  // refresh() takes the screen only after that
    lent_ = false;
    arm_restoration(restoration_);
    redraw();
    refresh();
  }

 private:
  // The modes of a terminal that has passed to another process group are that one's now.
  void give_back() const {
    if (in_foreground()) {
      const auto before = std::signal(SIGTTOU, SIG_IGN);  // it may pass while we do so
      endwin();
      static_cast<void>(std::signal(SIGTTOU, before));
    } else {
      const std::string& last = restoration_.sequence;
      static_cast<void>(!write(STDOUT_FILENO, last.data(), last.size()));
    }
  }

  // Where half of a wide glyph was or comes, ncurses has cleared or will clear the other half.
  [[nodiscard]] bool beside_change(const Cells& cells, std::size_t x, std::size_t y) const {
    return x + 1 < cells.size().width &&
           last_.at(x + 1, y).glyph.empty() != cells.at(x + 1, y).glyph.empty();
  }

  void put(std::size_t x, std::size_t y, const Cell& cell, int columns) {
    std::array<wchar_t, CCHARW_MAX + 1> characters{};
    std::mbstate_t state{};
    const char* from = cell.glyph.c_str();
    const std::size_t count =
        std::mbsrtowcs(characters.data(), &from, characters.size() - 1, &state);
    // Where the terminal's idea of a character is another than ours, all behind it would be out
    // of place.
    const bool drawable =
        count != static_cast<std::size_t>(-1) && count > 0 && wcwidth(characters[0]) == columns;
    if (!drawable) characters = {L'?'};
    const Look look = look_of(cell.style, cell.selected, colours_);
    cchar_t drawn{};
    setcchar(&drawn, characters.data(), attributes(look), pair_of(look), nullptr);
    mvadd_wch(static_cast<int>(y), static_cast<int>(x), &drawn);
  }

  static attr_t attributes(const Look& look) {
    attr_t attributes = A_NORMAL;
    if (look.bold) attributes |= A_BOLD;
    if (look.faint) attributes |= A_DIM;
    if (look.underlined) attributes |= A_UNDERLINE;
    if (look.reversed) attributes |= A_REVERSE;
    return attributes;
  }

  short pair_of(const Look& look) {
    if (colours_ < 8 || (look.foreground < 0 && look.background < 0)) return 0;
    const auto [found, is_new] = pairs_.try_emplace({look.foreground, look.background},
                                                    static_cast<short>(pairs_.size() + 1));
    if (is_new) {
      const auto colour = [&](int wanted, int instead) {
        return static_cast<short>(wanted >= 0 || own_colours_ ? wanted : instead);
      };
      init_pair(found->second, colour(look.foreground, COLOR_WHITE),
                colour(look.background, COLOR_BLACK));
    }
    return found->second;
  }

  SCREEN* screen_;
  Restoration restoration_;
  Cells last_{Size{}};
  std::map<std::pair<int, int>, short> pairs_;
  int colours_ = 0;
  bool own_colours_ = false;  // -1 is a colour
  bool lent_ = false;
};

Terminal::Terminal(std::unique_ptr<Screen> screen) : screen_(std::move(screen)) {}
Terminal::~Terminal() = default;

Result<std::unique_ptr<Terminal>> Terminal::take(Colours colours, int errors, int kept_errors) {
  if (auto draws = terminal_draws(); !draws) return std::unexpected(draws.error());
  static_cast<void>(std::setlocale(LC_CTYPE, ""));  // fails: ASCII
  set_escdelay(kEscapeMs);
  termios modes{};
  tcgetattr(STDOUT_FILENO, &modes);
  SCREEN* const screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) return fail(Exit::kFailed, "the terminal cannot be drawn on");
  return std::unique_ptr<Terminal>(
      new Terminal(std::make_unique<Screen>(screen, modes, colours, errors, kept_errors)));
}

Size Terminal::size() {
  return {.width = static_cast<std::size_t>(std::max(getmaxx(stdscr), 1)),
          .height = static_cast<std::size_t>(std::max(getmaxy(stdscr), 1))};
}

Charset Terminal::charset() {
  return writes_utf8() ? Charset::kUtf8 : Charset::kAscii;
}

void Terminal::draw(const Cells& cells) {
  screen_->draw(cells);
}

std::optional<Event> Terminal::read() {
  wint_t code = 0;
  for (int got = 0; (got = get_wch(&code)) != ERR;) {
    if (got == OK && code == kRedraw) screen_->redraw();
    auto event = got == KEY_CODE_YES ? event_of_function_key(code) : event_of_character(code);
    if (event) return event;
  }
  return std::nullopt;
}

bool Terminal::is_gone() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (poll(&input, 1, 0) <= 0) return false;
  if ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return true;
  int bytes = 0;  // ready, and nothing to read: the end
  return (input.revents & POLLIN) != 0 && ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 && bytes == 0;
}

void Terminal::resized() {
  winsize now{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) != 0 || now.ws_row == 0 || now.ws_col == 0) return;
  resizeterm(now.ws_row, now.ws_col);
  screen_->redraw();
}

void Terminal::lend() {
  screen_->lend();
}

void Terminal::retake() {
  screen_->retake();
  resized();
}

}  // namespace cw::live
