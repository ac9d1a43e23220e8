// The chosen site sees what the entry sees: as often, with the same arguments. And what is left
// when calls within the allocator are taken off is what the program did.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "child_process.h"
#include "process/allocators.h"
#include "site_counter.h"

namespace cw::test {
namespace {

struct Case {
  std::string name;
  std::string program;
  std::string preload;  // a file name below the library directory; empty: none
  std::string allocator;
};

void PrintTo(const Case& shown, std::ostream* out) {
  *out << shown.name;
}

std::vector<std::string> run_by(const std::string& preload) {
  if (preload.empty()) return {};
  return {"/usr/bin/env", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/" + preload};
}

// A site with counters at its entry and at the chosen instruction.
struct Counted {
  ProbeSite site;
  std::unique_ptr<SiteCounter> chosen;
  std::unique_ptr<SiteCounter> entry;
};

class WatchedCase {
 public:
  explicit WatchedCase(const Case& what)
      : workload_({what.program}, run_by(what.preload)), symbols_(workload_.pid(), cache_) {
    for (AllocatorSites& allocator : find_allocator_sites(symbols_)) {
      if (allocator.reach == AllocatorReach::kDefault) allocator_ = allocator.allocator;
      for (ProbeSite& site : allocator.sites) {
        auto chosen = std::make_unique<SiteCounter>(site, chosen_place(site), workload_.pid());
        auto entry = std::make_unique<SiteCounter>(site, entry_place(site), workload_.pid());
        counted_.push_back({std::move(site), std::move(chosen), std::move(entry)});
      }
    }
  }

  [[nodiscard]] const std::string& allocator() const { return allocator_; }
  [[nodiscard]] const std::vector<Counted>& counted() const { return counted_; }
  nlohmann::json run() { return workload_.run(); }

  // The program's own calls of a kind: not those from within the allocator, and one that is handed
  // on by a jump only where it came from.
  template <typename Kind>
  [[nodiscard]] SiteHits program_calls(Kind is_of_kind) const {
    SiteHits sum;
    for (const Counted& counted : counted_) {
      if (!is_of_kind(counted.site.call)) continue;
      auto hits = counted.chosen->hits();
      std::erase_if(hits, [&](const auto& hit) {
        return is_nested(counted.site, hit.first) || was_handed_on(counted.site, hit.first);
      });
      const SiteHits more = sum_of(hits);
      sum.calls += more.calls;
      sum.sizes += more.sizes;
    }
    return sum;
  }

 private:
  static bool is_nested(const ProbeSite& site, std::uint64_t return_address) {
    return std::ranges::any_of(site.nested_in, [return_address](const AddressRange& range) {
      return return_address >= range.start && return_address < range.end;
    });
  }

  [[nodiscard]] bool was_handed_on(const ProbeSite& site, std::uint64_t return_address) const {
    const std::uint64_t entry = site.entry_vaddr + site.load_bias;
    return std::ranges::any_of(counted_, [&](const Counted& other) {
      return std::ranges::find(other.site.jumps_to, entry) != other.site.jumps_to.end() &&
             other.chosen->hits().contains(return_address);
    });
  }

  ElfCache cache_;
  Workload workload_;
  ProcessSymbols symbols_;
  std::string allocator_;
  std::vector<Counted> counted_;
};

class Placement : public testing::TestWithParam<Case> {};

void expect_same_hits(const WatchedCase& watched) {
  std::uint64_t all = 0;
  for (const Counted& counted : watched.counted()) {
    SCOPED_TRACE(counted.site.function + " at " + counted.site.instruction);
    const SiteHits chosen = sum_of(counted.chosen->hits());
    const SiteHits entry = sum_of(counted.entry->hits());
    EXPECT_EQ(chosen.calls, entry.calls);
    EXPECT_EQ(chosen.sizes, entry.sizes);
    EXPECT_EQ(chosen.pointers, entry.pointers);
    for (const auto& [address, hits] : counted.entry->hits())
      EXPECT_EQ(counted.chosen->hits()[address].calls, hits.calls) << "from " << address;
    EXPECT_TRUE(counted.site.emulated) << counted.site.why_entry;
    all += entry.calls;
  }
  EXPECT_GT(all, 0U);
}

void expect_truth(const SiteHits& seen, const nlohmann::json& truth) {
  EXPECT_EQ(seen.calls, truth.at("calls").get<std::uint64_t>());
  if (truth.contains("bytes")) {
    EXPECT_EQ(seen.sizes, truth.at("bytes").get<std::uint64_t>());
  }
}

TEST_P(Placement, SiteSeesWhatTheEntrySees) {
  WatchedCase watched(GetParam());
  EXPECT_TRUE(watched.allocator().starts_with(GetParam().allocator)) << watched.allocator();
  const auto truth = watched.run();
  expect_same_hits(watched);
  if (truth.contains("allocated")) {
    expect_truth(watched.program_calls([](AllocCall call) { return shape_of(call).allocates; }),
                 truth.at("allocated"));
    const auto freed = watched.program_calls(
        [](AllocCall call) { return shape_of(call).frees() && !shape_of(call).allocates; });
    EXPECT_EQ(freed.calls, truth.at("freed").at("calls").get<std::uint64_t>());
    return;
  }
  const SiteHits allocated =
      watched.program_calls([](AllocCall call) { return shape_of(call).allocates; });
  nlohmann::json sum = {{"calls", 0}, {"bytes", 0}};
  for (const char* name : {"malloc", "calloc", "realloc", "aligned_alloc"})
    for (const char* what : {"calls", "bytes"})
      sum[what] = sum[what].get<std::uint64_t>() + truth.at(name).at(what).get<std::uint64_t>();
  expect_truth(allocated, sum);
  expect_truth(watched.program_calls([](AllocCall call) {
    return shape_of(call).allocates && shape_of(call).frees();
  }),
               truth.at("realloc"));
  const auto freed = watched.program_calls(
      [](AllocCall call) { return shape_of(call).frees() && !shape_of(call).allocates; });
  EXPECT_EQ(freed.calls, truth.at("free").at("calls").get<std::uint64_t>());
}

std::vector<Case> cases() {
  std::vector<Case> all = {{"musl", "alloc_calls_musl", "", "musl"},
                           {"musl_static", "alloc_calls_musl_static", "", "musl"},
                           {"glibc_static", "alloc_calls_static", "", "glibc"}};
  for (const char* program : {"alloc_calls", "alloc_operators"}) {
    const std::string kind = std::string(program).substr(6);
    all.push_back({"glibc_" + kind, program, "", "glibc"});
    all.push_back({"jemalloc_" + kind, program, "libjemalloc.so.2", "jemalloc"});
    all.push_back({"mimalloc_" + kind, program, "libmimalloc.so.2.0", "mimalloc"});
    all.push_back({"tcmalloc_" + kind, program, "libtcmalloc_minimal.so.4", "tcmalloc"});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Allocators, Placement, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cw::test
