// A program to take names and lines from: functions inlined in functions inlined, lambdas,
// templates, a cold part.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

namespace orders {

volatile unsigned long sink;

[[gnu::always_inline]] inline unsigned long fee_of(unsigned long amount) {
  sink = amount;
  return sink / 7 + 3;
}

[[gnu::always_inline]] inline unsigned long with_fee(unsigned long amount) {
  return amount + fee_of(amount);
}

struct Ledger {
  explicit Ledger(std::size_t size);
  ~Ledger();
  [[gnu::noinline]] unsigned long settle(unsigned long amount);

  std::vector<unsigned long> entries;
};

[[gnu::noinline]] Ledger::Ledger(std::size_t size) : entries(size) {
  std::iota(entries.begin(), entries.end(), 1UL);
}

[[gnu::noinline]] Ledger::~Ledger() {
  sink = entries.size();
}

unsigned long Ledger::settle(unsigned long amount) {
  if (entries.empty()) [[unlikely]] {
    std::fprintf(stderr, "%s\n", std::string("nothing to settle").c_str());
    std::abort();
  }
  unsigned long sum = 0;
  for (unsigned long& entry : entries) {
    entry = with_fee(entry + amount);
    sum += entry;
  }
  return sum;
}

template <typename Amount>
[[gnu::noinline]] Amount settle_all(Ledger& ledger, const std::vector<Amount>& amounts) {
  Amount sum{};
  for (const Amount amount : amounts) sum += static_cast<Amount>(ledger.settle(amount));
  return sum;
}

namespace {
[[gnu::noinline]] unsigned long run(const std::function<unsigned long(unsigned long)>& step) {
  return step(4) + step(5);
}
}  // namespace

}  // namespace orders

int main(int count, char**) {
  orders::Ledger ledger(static_cast<std::size_t>(count) + 8);
  const auto step = [&ledger](unsigned long amount) {
    return orders::settle_all<unsigned long>(ledger, {amount, amount + 1}) +
           orders::settle_all<unsigned>(ledger, {3U, 4U});
  };
  orders::sink = orders::run(step);
  return 0;
}
