#include "app/hit_cost.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/clock.h"
#include "process/maps.h"
#include "process/proc_files.h"

// A function of our own whose first instruction the kernel emulates wherever it emulates any. What
// it returns could be a block's address.
extern "C" void* cw_probed_function();
#ifdef __x86_64__
#define CW_RETURN_SOMETHING "  mov %rsp, %rax\n"
#else
#define CW_RETURN_SOMETHING "  mov x0, sp\n"
#endif
asm(R"(
  .pushsection .text
  .globl cw_probed_function
  .type cw_probed_function, %function
cw_probed_function:
  nop
)" CW_RETURN_SOMETHING R"(
  ret
  .size cw_probed_function, .-cw_probed_function
  .popsection
)");

namespace cw {

double probed_call_ns() {
  constexpr int kCalls = 500;
  return best_call_ns(kCalls, [] {
    for (int i = 0; i < kCalls; ++i) cw_probed_function();
  });
}

std::optional<double> median_of(std::vector<std::uint64_t> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return static_cast<double>(*middle);
}

std::optional<std::uint64_t> own_code_offset(std::uint64_t address) {
  const MemoryMap map = MemoryMap::read(open_process(getpid()).get());
  const Mapping* const here = map.find(address);
  if (here == nullptr) return std::nullopt;
  return address - here->start + here->offset;
}

std::optional<AllocProbe> probe_on_ourselves() {
  const auto offset = own_code_offset(reinterpret_cast<std::uint64_t>(&cw_probed_function));
  if (!offset) return std::nullopt;
  return AllocProbe{.file = "/proc/self/exe",
                    .offset = *offset,
                    .allocator = 0,
                    .frees = false,
                    .common = true,
                    .emulated = true,
                    .first = std::nullopt,
                    .factor = std::nullopt,
                    .resized = std::nullopt,
                    .nested_in = {},
                    .pushed = 0};
}

double measure_probe_hit(AllocProbes& probes) {
  const auto probe = probe_on_ourselves();
  if (!probe) return 0;
  const double alone = probed_call_ns();
  const auto armed = probes.arm(getpid(), {&*probe, 1});
  if (!armed) return 0;
  const std::uint64_t now = monotonic_ns();
  probes.count_in({.open_ns = now,
                   .close_ns = std::numeric_limits<std::uint64_t>::max(),
                   .target = 0,
                   .stacks_one_in = 0});
  const double watched = probed_call_ns();
  probes.stop_counting(monotonic_ns());
  return std::max(0.0, watched - alone);
}

}  // namespace cw
