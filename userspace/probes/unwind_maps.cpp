#include "probes/unwind_maps.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "probes/side_by_side.h"
#include "wire.h"

namespace cw {
namespace {

static_assert(static_cast<int>(UnwindRule::Cfa::kRegister) == CW_CFA_REGISTER &&
              static_cast<int>(UnwindRule::Cfa::kSignal) == CW_CFA_SIGNAL &&
              static_cast<int>(UnwindRule::Cfa::kInterpreted) == CW_CFA_INTERPRETED);
static_assert(static_cast<int>(UnwindRule::Fp::kLost) == CW_FP_LOST);

constexpr std::size_t kMaxPages = CW_PAGE_ROWS;         // of rows, beside the index
constexpr std::size_t kMaxRangePages = CW_PAGE_RANGES;  // of ranges, likewise

constexpr std::size_t kMostKept = 256;  // descriptors of additions

// The first `count` items in pages of `size`.
std::size_t pages_for(std::size_t count, std::size_t size) {
  return std::max<std::size_t>(1, (count + size - 1) / size);
}

template <typename Page>
Fd make_pages(const char* name, std::size_t pages) {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = BPF_F_INNER_MAP;
  return Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), sizeof(Page),
                           static_cast<std::uint32_t>(pages), &options));
}

template <typename Page>
bool write_page(const Fd& map, std::size_t number, const Page& page) {
  const auto key = static_cast<std::uint32_t>(number);
  return bpf_map_update_elem(map.get(), &key, &page, BPF_ANY) == 0;
}

std::unexpected<Error> no_room(const char* what) {
  return fail(Exit::kFailed, fmt::format("cannot keep {}: {}", what, std::strerror(errno)));
}

}  // namespace

UnwindMaps::UnwindMaps(Fds maps) : maps_(maps) {
  rules_.emplace(UnwindRule{}, 0);
}

// The number under which the kernel side finds the rule; 0, no rule, once there is no room.
std::uint16_t UnwindMaps::rule_number(const UnwindRule& rule) {
  const auto found = rules_.find(rule);
  if (found != rules_.end()) return found->second;
  if (rules_.size() >= CW_UNWIND_RULES) return 0;
  const auto number = static_cast<std::uint32_t>(rules_.size());
  const cw_unwind_rule wire{.cfa = static_cast<std::uint8_t>(rule.cfa),
                            .fp = static_cast<std::uint8_t>(rule.fp),
                            .number = rule.number,
                            .cfa_offset = rule.cfa_offset,
                            .cfa_plus = rule.cfa_plus,
                            .fp_offset = rule.fp_offset};
  if (bpf_map_update_elem(maps_.rules, &number, &wire, BPF_ANY) != 0) return 0;
  rules_.emplace(rule, static_cast<std::uint16_t>(number));
  return static_cast<std::uint16_t>(number);
}

// A number in `outer` for a finished map of pages. Numbers go round, so that one that was dropped
// is not given away while a process may still be known by it.
Result<std::uint32_t> UnwindMaps::put(int outer, Fd pages, std::size_t bytes, std::uint32_t limit,
                                      std::map<std::uint32_t, std::size_t>& sizes) {
  if (sizes.size() + 1 >= limit) return fail(Exit::kFailed, "no room for more unwind tables");
  std::uint32_t number = last_number_;
  do number = number % (limit - 1) + 1;
  while (sizes.contains(number));
  last_number_ = number;
  additions_.push_back({.outer = outer, .number = number, .pages = std::move(pages)});
  if (additions_.size() == kMostKept) refused_ = publish();
  sizes.emplace(number, bytes);
  bytes_ += bytes;
  return number;
}

void UnwindMaps::drop(int outer, std::uint32_t number,
                      std::map<std::uint32_t, std::size_t>& sizes) {
  const auto found = sizes.find(number);
  if (found == sizes.end()) return;
  removals_.push_back({.outer = outer, .number = number});
  bytes_ -= found->second;
  sizes.erase(found);
}

Result<std::uint32_t> UnwindMaps::add_table(const UnwindTable& table) {
  const std::size_t rows = std::min(table.pc.size(), kMaxPages * CW_PAGE_ROWS);
  const std::size_t pages = pages_for(rows, CW_PAGE_ROWS);
  Fd map = make_pages<cw_row_page>("cw_rows", pages + 1);
  if (!map) return no_room("an unwind table");
  std::vector<std::uint16_t> numbers;
  numbers.reserve(table.rules.size());
  for (const UnwindRule& rule : table.rules) {
    numbers.push_back(rule_number(rule));
    if (numbers.back() == 0 && rule != UnwindRule{})
      return fail(Exit::kFailed, "no room for more unwind rules");
  }
  cw_row_page index;
  std::ranges::fill(index.pc, CW_NO_ROW);
  std::ranges::fill(index.rule, 0);
  for (std::size_t number = 0; number < pages; ++number) {
    cw_row_page page;
    std::ranges::fill(page.pc, CW_NO_ROW);
    std::ranges::fill(page.rule, 0);
    const std::size_t first = number * CW_PAGE_ROWS;
    for (std::size_t i = 0; i < CW_PAGE_ROWS && first + i < rows; ++i) {
      page.pc[i] = table.pc[first + i];
      page.rule[i] = numbers[table.rule[first + i]];
    }
    index.pc[number] = page.pc[0];
    if (!write_page(map, number + 1, page)) return no_room("an unwind table");
  }
  if (!write_page(map, 0, index)) return no_room("an unwind table");
  return put(maps_.tables, std::move(map), (pages + 1) * sizeof(cw_row_page), CW_UNWIND_TABLES,
             table_sizes_);
}

void UnwindMaps::drop_table(std::uint32_t number) {
  drop(maps_.tables, number, table_sizes_);
}

Result<std::uint32_t> UnwindMaps::add_space(std::span<const CodeRange> ranges) {
  ranges = ranges.first(std::min(ranges.size(), kMaxRangePages * CW_PAGE_RANGES));
  const std::size_t pages = pages_for(ranges.size(), CW_PAGE_RANGES);
  Fd map = make_pages<cw_range_page>("cw_ranges", pages + 1);
  if (!map) return no_room("what code a process has mapped");
  const auto empty_page = [] {
    cw_range_page page{};
    std::ranges::fill(page.start, CW_NO_RANGE);
    return page;
  };
  cw_range_page index = empty_page();
  for (std::size_t number = 0; number < pages; ++number) {
    cw_range_page page = empty_page();
    const std::size_t first = number * CW_PAGE_RANGES;
    for (std::size_t i = 0; i < CW_PAGE_RANGES && first + i < ranges.size(); ++i) {
      const CodeRange& range = ranges[first + i];
      page.start[i] = range.start;
      page.range[i] = {
          .end = range.end, .bias = range.bias, .table = range.table, .generated = range.generated};
    }
    index.start[number] = page.start[0];
    if (!write_page(map, number + 1, page)) return no_room("what code a process has mapped");
  }
  if (!write_page(map, 0, index)) return no_room("what code a process has mapped");
  return put(maps_.spaces, std::move(map), (pages + 1) * sizeof(cw_range_page), CW_CODE_SPACES,
             space_sizes_);
}

void UnwindMaps::drop_space(std::uint32_t number) {
  drop(maps_.spaces, number, space_sizes_);
}

std::size_t UnwindMaps::publish() {
  std::atomic<std::size_t> refused = std::exchange(refused_, 0);
  side_by_side(additions_.size(), [&](std::size_t i) {
    const Addition& addition = additions_[i];
    const int pages = addition.pages.get();
    if (bpf_map_update_elem(addition.outer, &addition.number, &pages, BPF_ANY) != 0) refused++;
  });
  additions_.clear();
  return refused;
}

void UnwindMaps::remove_dropped() {
  side_by_side(removals_.size(), [&](std::size_t i) {
    bpf_map_delete_elem(removals_[i].outer, &removals_[i].number);
  });
  if (!removals_.empty()) std::atomic_ref(*maps_.epoch).fetch_add(1);
  removals_.clear();
}

void UnwindMaps::assign_space(std::int32_t pid, std::uint32_t space) const {
  const auto tgid = static_cast<std::uint32_t>(pid);
  if (space == 0)
    bpf_map_delete_elem(maps_.space_of, &tgid);
  else
    bpf_map_update_elem(maps_.space_of, &tgid, &space, BPF_ANY);
}

std::vector<std::int32_t> UnwindMaps::take_unknown() const {
  std::vector<std::int32_t> pids;
  std::uint32_t key = 0;
  while (bpf_map_get_next_key(maps_.unknown_code, nullptr, &key) == 0) {
    pids.push_back(static_cast<std::int32_t>(key));
    if (bpf_map_delete_elem(maps_.unknown_code, &key) != 0) break;
  }
  return pids;
}

}  // namespace cw
