#include "analysis/holders.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "analysis/jackknife.h"

namespace cw {
namespace {

void add(std::vector<double>& to, const std::vector<double>& more) {
  to.resize(std::max(to.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) to[i] += more[i];
}

// What one process has of the lock's time.
struct Part {
  double weight = 0;
  std::vector<double> held_ns;  // by group of windows
};

struct Row {
  Holders holder;
  std::vector<Part> parts;  // as many as there are processes
};

// Processes scatter each on its own. Empty: no more is known than that it is a share.
std::optional<Estimate> share_interval(const Row& row, const std::vector<Part>& all) {
  double squares = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].weight == 0) continue;
    std::vector<double> own = row.parts[i].held_ns;
    own.resize(all[i].held_ns.size());
    const double half = all[i].weight * half_interval_of_share(own, all[i].held_ns);
    squares += half * half;
  }
  const double share = row.holder.share;
  const double half = std::sqrt(squares);
  if (share - half <= 0 && share + half >= 1) return std::nullopt;
  return Estimate{
      .estimate = share, .low = std::max(0.0, share - half), .high = std::min(1.0, share + half)};
}

}  // namespace

double held_threads(const LockSections& seen) {
  return seen.acquisitions_per_s.estimate * seen.hold_mean_ns.estimate / 1e9;
}

void add(Distribution& to, const Distribution& more) {
  to.count += more.count;
  to.sum_ns += more.sum_ns;
  to.histogram.merge(more.histogram);
}

std::vector<Holders> holders_of(const std::vector<const LockSections*>& parts, std::size_t most,
                                StackNames& names) {
  double held = 0;
  for (const LockSections* part : parts) held += held_threads(*part);
  std::vector<Row> rows;
  std::vector<Part> all(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    all[i].weight = held > 0 ? held_threads(*parts[i]) / held : 1;
    for (const SectionHolder& seen : parts[i]->holders) {
      const Stack& stack = names.of(parts[i]->image, seen.stack);
      auto row = std::ranges::find_if(
          rows, [&](const Row& other) { return same_callers(other.holder.stack, stack); });
      if (row == rows.end()) {
        row = rows.emplace(rows.end());
        row->holder.stack = stack;
        row->parts.resize(parts.size());
      }
      row->holder.share += all[i].weight * seen.share;
      row->holder.acquisitions_per_s += seen.acquisitions_per_s;
      add(row->holder.hold, seen.hold);
      add(row->parts[i].held_ns, seen.held_ns);
      add(all[i].held_ns, seen.held_ns);
    }
  }
  std::ranges::sort(rows, std::greater{}, [](const Row& row) { return row.holder.share; });
  if (rows.size() > most) rows.resize(most);
  std::vector<Holders> holders;
  for (Row& row : rows) {
    row.holder.share_interval = share_interval(row, all);
    holders.push_back(std::move(row.holder));
  }
  return holders;
}

}  // namespace cw
