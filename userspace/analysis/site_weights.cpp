#include "analysis/site_weights.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/apportionment.h"
#include "analysis/interval.h"

namespace cw {
namespace {

template <typename Site>
void change(Site& site, std::uint64_t Site::* field, std::uint64_t count) {
  site.*field = count;
}
// Those on the waiter's own stack are a part of the waits.
void change(WaitSite& site, std::uint64_t WaitSite::* field, std::uint64_t count) {
  if (field == &WaitSite::waits && site.waits != 0)
    site.on_own_stack = site.on_own_stack * count / site.waits;
  site.*field = count;
}

// `whole`: what the word counted.
template <typename Site>
void fit(std::vector<Site>& sites, std::uint64_t Site::* field, std::uint64_t whole) {
  std::uint64_t sum = 0;
  for (const Site& site : sites) sum += site.*field;
  if (sum == 0 || whole == 0 || sum == whole) return;
  const Apportionment shares(sites, [field](const Site& site) { return site.*field; });
  for (std::size_t i = 0; i < sites.size(); ++i) change(sites[i], field, shares.of(whole, i));
}

}  // namespace

void fit_sites(Word& word) {
  fit(word.wait_sites, &WaitSite::waits, completed(word));
  fit(word.wait_sites, &WaitSite::wait_ns, word.wait_ns);
  fit(word.wake_sites, &WakeSite::wakes, word.wakes);
  fit(word.wake_sites, &WakeSite::charged_ns, word.charged_ns);
}

}  // namespace cw
