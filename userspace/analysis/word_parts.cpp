#include "analysis/word_parts.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "analysis/apportionment.h"

namespace cw {
namespace {

constexpr std::array kByTime = {&Word::waiting_ns, &Word::busy_ns};
constexpr std::array kByEndedTime = {&Word::wait_ns, &Word::runnable_ns};
constexpr std::array kByWaits = {&Word::woken,   &Word::timed_out,    &Word::interrupted,
                                 &Word::raced,   &Word::failed,       &Word::at_least,
                                 &Word::repeats, &Word::value_changes};

std::uint64_t ended_ns(const WordPart& part) {
  return std::accumulate(
      part.wait_sites.begin(), part.wait_sites.end(), std::uint64_t{0},
      [](std::uint64_t sum, const WaitSite& site) { return sum + site.wait_ns; });
}
std::uint64_t waits(const WordPart& part) {
  return std::accumulate(part.wait_sites.begin(), part.wait_sites.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const WaitSite& site) { return sum + site.waits; });
}

}  // namespace

std::vector<std::shared_ptr<const Word>> share_out(const Word& whole,
                                                   const std::vector<WordPart>& parts) {
  const Apportionment by_time(
      parts, [](const WordPart& part) { return ended_ns(part) + part.in_progress_ns; });
  const Apportionment by_ended_time(parts, ended_ns);
  const Apportionment by_waits(parts, waits);
  std::vector<std::shared_ptr<const Word>> words;
  words.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto word = std::make_shared<Word>();
    word->id = whole.id;
    word->key = whole.key;
    word->first_value = whole.first_value;
    word->distinct = waits(parts[i]) != 0 ? whole.distinct : 0;
    word->waiters = parts[i].waiters;
    for (const auto field : kByTime) (*word).*field = by_time.of(whole.*field, i);
    for (const auto field : kByEndedTime) (*word).*field = by_ended_time.of(whole.*field, i);
    for (const auto field : kByWaits) (*word).*field = by_waits.of(whole.*field, i);
    if (i == 0) word->unsettled = whole.unsettled;
    word->wait_sites = parts[i].wait_sites;
    word->wake_sites = parts[i].wake_sites;
    for (const WakeSite& site : parts[i].wake_sites) {
      word->charged_ns += site.charged_ns;
      word->wakes += site.wakes;
    }
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace cw
