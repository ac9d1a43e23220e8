// Counts the hits on one instruction of a process, exactly, by where its function returns to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "model/alloc_site.h"

struct bpf_link;

namespace cw::test {

struct SiteHits {
  std::uint64_t calls = 0;
  std::uint64_t sizes = 0;  // sums; both wrap around
  std::uint64_t pointers = 0;
};

// What a program reads at an instruction of a function.
struct CountedPlace {
  std::uint64_t file_offset = 0;
  std::optional<Register> size_in;
  std::optional<Register> count_in;
  std::optional<Register> pointer_in;
  std::uint32_t pushed = 0;
};
CountedPlace chosen_place(const ProbeSite& site);
CountedPlace entry_place(const ProbeSite& site);  // where the ABI puts the arguments

class SiteCounter {
 public:
  // Throws std::runtime_error when the kernel refuses.
  SiteCounter(const ProbeSite& site, const CountedPlace& place, std::int32_t pid);
  SiteCounter(const SiteCounter&) = delete;
  SiteCounter& operator=(const SiteCounter&) = delete;
  ~SiteCounter();

  // By return address.
  [[nodiscard]] std::map<std::uint64_t, SiteHits> hits() const;

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

SiteHits sum_of(const std::map<std::uint64_t, SiteHits>& hits);

}  // namespace cw::test
