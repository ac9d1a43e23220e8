// The reports of past intervals, to scroll back to. Bounded in number and in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "model/report.h"

namespace cw::live {

class History {
 public:
  // The newest is kept whole; it gives up its many fine rows, summed, when the next one comes.
  void add(Report report);
  // This one and no other: of a recording, which has the others.
  void keep_only(std::uint64_t number, Report report);

  [[nodiscard]] bool empty() const { return kept_.empty(); }
  // Numbers of the reports that are there: 1 is the first that was ever added.
  [[nodiscard]] std::uint64_t oldest() const { return newest_ + 1 - kept_.size(); }
  [[nodiscard]] std::uint64_t newest() const { return newest_; }
  // One of [oldest, newest].
  [[nodiscard]] const Report& at(std::uint64_t number) const {
    return *kept_[number - oldest()].report;
  }

  static constexpr std::size_t kReports = 600;
  static constexpr std::size_t kBytes = 64'000'000;  // about; the newest not counted
  static constexpr std::size_t kRows = 200;          // of each table, in a report that is past

 private:
  struct Kept {
    std::shared_ptr<Report> report;  // copies of a history share it
    std::size_t bytes = 0;
  };

  void thin_newest();

  std::deque<Kept> kept_;
  std::uint64_t newest_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace cw::live
