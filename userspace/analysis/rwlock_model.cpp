#include "analysis/rwlock_model.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace cw {
namespace {

constexpr std::size_t kMostInChain = 24;  // threads: more are a crowd that asks as often
constexpr int kMostSweeps = 1000;
constexpr double kStill = 1e-7;  // change of a sweep, below which it has settled
constexpr double kNear = 0.003;
constexpr int kRounds = 12;  // for what happens at the other locks meanwhile

// The states of one lock: who is there, and whether a writer has it.
//   read side    `readers` have it, `writers` wait (none, unless a reader has it)
//   write side   one writer has it, `readers` and `writers` - 1 wait
class Chain {
 public:
  Chain(const RwLoad& load, double think_s)
      : threads_(std::min<std::size_t>(load.threads, kMostInChain)),
        width_(threads_ + 1),
        load_(load) {
    const double crowd = static_cast<double>(load.threads) / static_cast<double>(threads_);
    ask_ = crowd / std::max(think_s, 1e-12);
    chance_.assign(2 * width_ * width_, 0);
    for (std::size_t readers = 0; readers <= threads_; ++readers)
      chance_[at(false, readers, 0)] = 1;
  }

  double rate() {
    double change = 1;
    for (int sweep = 0; sweep < kMostSweeps && change > kStill; ++sweep) change = this->sweep();
    double rate = 0;
    for_each_state([&](bool writing, std::size_t readers, std::size_t writers) {
      rate += chance_[at(writing, readers, writers)] * asking(readers, writers);
    });
    return rate;
  }

 private:
  [[nodiscard]] std::size_t at(bool writing, std::size_t readers, std::size_t writers) const {
    return ((writing ? width_ : 0) + readers) * width_ + writers;
  }
  // How often a thread that is not there comes.
  [[nodiscard]] double asking(std::size_t readers, std::size_t writers) const {
    return static_cast<double>(threads_ - readers - writers) * ask_;
  }
  [[nodiscard]] double reads_end(std::size_t readers) const {
    const auto there = static_cast<double>(readers);
    const double running = load_.cpus > 0 ? std::min(there, std::max(1.0, load_.cpus)) : there;
    return running / std::max(load_.read_s, 1e-12);
  }
  // A writer that others wait for has to wake one, too.
  [[nodiscard]] double write_ends(std::size_t readers, std::size_t writers) const {
    const bool waited_for = readers + writers > 1;
    return 1 / std::max(load_.write_s + (waited_for ? load_.handover_s : 0), 1e-12);
  }
  template <typename Visit>
  void for_each_state(Visit visit) const {
    for (const bool writing : {false, true})
      for (std::size_t readers = 0; readers <= threads_; ++readers)
        for (std::size_t writers = 0; readers + writers <= threads_; ++writers)
          if (writing ? writers > 0 : readers > 0 || writers == 0) visit(writing, readers, writers);
  }

  // Flow into the state from all others, over the rate at which it is left (Gauss, Seidel).
  double inflow(bool writing, std::size_t readers, std::size_t writers) const {
    const double read = load_.read_share;
    double in = 0;
    const auto from = [&](bool there, std::size_t r, std::size_t w, double rate) {
      in += chance_[at(there, r, w)] * rate;
    };
    if (writing) {
      if (readers > 0) from(true, readers - 1, writers, asking(readers - 1, writers) * read);
      if (writers > 1) from(true, readers, writers - 1, asking(readers, writers - 1) * (1 - read));
      if (readers == 0 && writers == 1) from(false, 0, 0, asking(0, 0) * (1 - read));
      if (readers == 0 && 1 + writers <= threads_) {
        from(false, 1, writers, reads_end(1));                   // the last reader goes
        from(true, 0, writers + 1, write_ends(0, writers + 1));  // a writer after a writer
      }
      return in;
    }
    if (readers > 0) from(false, readers - 1, writers, asking(readers - 1, writers) * read);
    if (readers > 0 && writers > 0)
      from(false, readers, writers - 1, asking(readers, writers - 1) * (1 - read));
    if (readers + 1 + writers <= threads_ && (readers > 0 || writers == 0))
      from(false, readers + 1, writers, reads_end(readers + 1));
    if (readers + writers + 1 <= threads_ && (readers > 0 || writers == 0))
      from(true, readers, writers + 1, write_ends(readers, writers + 1));  // readers first
    return in;
  }

  double sweep() {
    double change = 0;
    double sum = 0;
    for_each_state([&](bool writing, std::size_t readers, std::size_t writers) {
      const double out =
          asking(readers, writers) + (writing ? write_ends(readers, writers) : reads_end(readers));
      double& chance = chance_[at(writing, readers, writers)];
      const double now = out > 0 ? inflow(writing, readers, writers) / out : chance;
      change += std::abs(now - chance);
      chance = now;
      sum += now;
    });
    for (double& chance : chance_) chance /= sum;
    return change;
  }

  std::size_t threads_;
  std::size_t width_;
  const RwLoad& load_;
  double ask_ = 0;
  std::vector<double> chance_;
};

}  // namespace

// Of several locks each is alone with threads that think, or are at one of the others.
double rw_rate(const RwLoad& load) {
  if (load.threads == 0) return 0;
  const double locks = static_cast<double>(std::max<std::uint64_t>(1, load.locks));
  double away_s = locks * load.think_s;
  double rate = 0;
  for (int round = 0; round < kRounds; ++round) {
    rate = locks * Chain(load, away_s).rate();
    if (locks <= 1 || rate <= 0) break;
    const double cycle_s = static_cast<double>(load.threads) / rate;
    const double at_lock_s = std::max(0.0, cycle_s - load.think_s);
    const double next_s = locks * load.think_s + (locks - 1) * at_lock_s;
    if (std::abs(next_s - away_s) < kNear * next_s) break;
    away_s = next_s;
  }
  return rate;
}

}  // namespace cw
