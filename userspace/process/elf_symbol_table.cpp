#include "process/elf_symbol_table.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <tuple>

#include "process/demangle.h"

namespace cw {
namespace {

std::string_view name_at(std::string_view names, std::uint32_t offset) {
  const char* name = names.data() + offset;
  return {name, ::strnlen(name, std::min(names.size() - offset, kMaxMangled))};
}

// The smaller, the better known.
auto rank_of(const RawSymbol& symbol, std::string_view names) {
  const auto name = name_at(names, symbol.name);
  const auto underscores = std::min(name.find_first_not_of('_'), name.size());
  const int binding = symbol.binding == STB_GLOBAL ? 0 : symbol.binding == STB_WEAK ? 1 : 2;
  return std::tuple(symbol.size == 0, underscores, binding, symbol.from_symtab ? 0 : 1,
                    name.size());
}

bool starts_a_stack(std::string_view name) {
  constexpr std::array<std::string_view, 6> kAssembly = {"_start",   "clone",  "__clone",
                                                         "__clone3", "clone3", "_dl_start_user"};
  return std::ranges::find(kAssembly, name) != kAssembly.end();
}

// Where a symbol without a size ends, 0 when that is not known.
std::uint64_t guessed_end(const std::vector<RawSymbol>& symbols, std::size_t index,
                          std::string_view names) {
  const RawSymbol& symbol = symbols[index];
  if (!symbol.from_symtab && !starts_a_stack(name_at(names, symbol.name))) return 0;
  const std::uint64_t next = index + 1 < symbols.size() ? symbols[index + 1].address
                                                        : std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t end = std::min(next, symbol.limit);
  return end > symbol.address ? end : 0;
}

// `raw` is sorted by address, and so is the result.
std::vector<std::uint64_t> exported_addresses(const std::vector<RawSymbol>& raw) {
  std::vector<std::uint64_t> addresses;
  for (const RawSymbol& symbol : raw) {
    if (!symbol.from_symtab && symbol.binding != STB_LOCAL) addresses.push_back(symbol.address);
  }
  return addresses;
}

}  // namespace

std::vector<ElfSymbol> make_symbols(std::vector<RawSymbol> raw, std::string_view names,
                                    bool are_functions) {
  std::ranges::sort(raw, [names](const RawSymbol& left, const RawSymbol& right) {
    if (left.address != right.address) return left.address < right.address;
    return rank_of(left, names) < rank_of(right, names);
  });
  const std::vector<std::uint64_t> exported = exported_addresses(raw);
  const auto doubles = std::ranges::unique(raw, {}, &RawSymbol::address);
  raw.erase(doubles.begin(), doubles.end());

  std::vector<ElfSymbol> symbols;
  symbols.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    std::uint64_t size = raw[i].size;
    const bool guess = size == 0;
    if (guess && are_functions) {
      const std::uint64_t end = guessed_end(raw, i, names);
      if (end != 0) size = end - raw[i].address;
    }
    if (size == 0) continue;
    ElfSymbol symbol;
    symbol.address = raw[i].address;
    symbol.size = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(size, std::numeric_limits<std::uint32_t>::max()));
    symbol.name = raw[i].name & 0x1fffffffU;
    symbol.guessed_size = guess ? 1U : 0U;
    symbol.exported = std::ranges::binary_search(exported, symbol.address) ? 1U : 0U;
    symbol.indirect = raw[i].indirect ? 1U : 0U;
    symbols.push_back(symbol);
  }
  return symbols;
}

}  // namespace cw
