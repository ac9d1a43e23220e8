#include "analysis/site_weights.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/interval.h"

namespace cw {
namespace {

// Rounded so that all add up to `whole`.
template <typename Site>
void fit(std::vector<Site>& sites, std::uint64_t Site::* field, std::uint64_t whole) {
  std::uint64_t sum = 0;
  for (const Site& site : sites) sum += site.*field;
  if (sum == 0 || whole == 0 || sum == whole) return;
  const double ratio = static_cast<double>(whole) / static_cast<double>(sum);
  std::uint64_t before = 0;
  std::uint64_t given = 0;
  for (Site& site : sites) {
    before += site.*field;
    const auto up_to =
        static_cast<std::uint64_t>(std::llround(static_cast<double>(before) * ratio));
    site.*field = up_to - given;
    given = up_to;
  }
}

}  // namespace

void fit_sites(Word& word) {
  std::vector<std::uint64_t> before;
  before.reserve(word.wait_sites.size());
  for (const WaitSite& site : word.wait_sites) before.push_back(site.waits);
  fit(word.wait_sites, &WaitSite::waits, completed(word));
  fit(word.wait_sites, &WaitSite::wait_ns, word.wait_ns);
  for (std::size_t i = 0; i < before.size(); ++i) {
    WaitSite& site = word.wait_sites[i];
    if (before[i] != 0) site.on_own_stack = site.on_own_stack * site.waits / before[i];
  }
  fit(word.wake_sites, &WakeSite::wakes, word.wakes);
  fit(word.wake_sites, &WakeSite::charged_ns, word.charged_ns);
}

}  // namespace cw
