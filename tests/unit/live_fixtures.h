// Views made by hand, and what they show as text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "live/render.h"
#include "live/update.h"
#include "output_fixtures.h"

namespace cw::test {

inline live::Model told(live::Model model, std::initializer_list<Report> reports) {
  for (const Report& report : reports) model = live::update(std::move(model), report);
  return model;
}

inline live::Model sized(live::Model model, std::size_t width, std::size_t height) {
  return live::update(std::move(model), live::Event(live::Size{.width = width, .height = height}));
}

// Keys as they are typed: letters stand for themselves.
inline live::Model typed(live::Model model, const std::string& letters) {
  for (const char letter : letters)
    model = live::update(std::move(model), live::Event(live::Key{.name = live::KeyName::kText,
                                                                 .text = std::string(1, letter)}));
  return model;
}
inline live::Model pressed(live::Model model, live::KeyName name) {
  return live::update(std::move(model), live::Event(live::Key{.name = name, .text = {}}));
}

// As a terminal would show them, without the spaces at the ends of lines.
inline std::string text_of(const live::Cells& cells) {
  std::string text;
  for (std::size_t y = 0; y < cells.size().height; ++y) {
    std::string line;
    for (std::size_t x = 0; x < cells.size().width; ++x) line += cells.at(x, y).glyph;
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}
inline std::string text_of(const live::Model& model) {
  return text_of(live::render(model, model.size));
}

// The style of each cell as a letter, in capitals where it is selected; blanks are ".".
inline std::string styles_of(const live::Cells& cells) {
  std::string text;
  for (std::size_t y = 0; y < cells.size().height; ++y) {
    for (std::size_t x = 0; x < cells.size().width; ++x) {
      const live::Cell& cell = cells.at(x, y);
      const bool blank = cell.glyph == " " && !cell.selected;
      const char first = cell.selected ? 'A' : 'a';
      text += blank ? '.' : static_cast<char>(first + static_cast<int>(cell.style));
    }
    text += "\n";
  }
  return text;
}

inline LockReport lock_of(std::int32_t pid, const std::string& name, double waiting) {
  LockReport lock = rates();
  lock.pids = {pid};
  lock.comm = "worker-" + std::to_string(pid);
  lock.name = name;
  lock.address = 0x1000 + std::hash<std::string>{}(name) % 0x10000;
  lock.waiters_mean = waiting;
  lock.level = waiting >= 0.5 ? Level::kCulprit : waiting >= 0.1 ? Level::kSuspect : Level::kFine;
  return lock;
}

// Three processes, each with a lock of its own.
inline Report machine_report() {
  Report report = guilty_report();
  report.locks[0].pids = {4242};
  for (const auto& [pid, lost] : {std::pair{4300, 0.4}, std::pair{4400, 0.01}}) {
    ProcessReport process = orders_api();
    process.pid = pid;
    process.comm = "worker-" + std::to_string(pid);
    process.threads_mean.lock_wait = lost;
    report.processes.push_back(process);
    report.locks.push_back(lock_of(pid, "queue_" + std::to_string(pid), lost));
  }
  return report;
}

}  // namespace cw::test
