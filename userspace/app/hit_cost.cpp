#include "app/hit_cost.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/clock.h"
#include "process/maps.h"
#include "process/proc_files.h"

// What they return could be a block's address.
extern "C" void* cw_probed_function();
extern "C" void* cw_stepped_function();
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
  .globl cw_stepped_function
  .type cw_stepped_function, %function
cw_stepped_function:
)" CW_RETURN_SOMETHING R"(
  ret
  .size cw_stepped_function, .-cw_stepped_function
  .popsection
)");

namespace cw {
namespace {

using Function = void* (*)();

Function code_of(OwnFunction function) {
  return function == OwnFunction::kEmulated ? &cw_probed_function : &cw_stepped_function;
}

}  // namespace

double probed_call_ns(OwnFunction function) {
  constexpr int kLoops = 5;
  constexpr int kCalls = 500;
  const Function call = code_of(function);
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < kLoops; ++i) {
    const std::uint64_t begin = monotonic_ns();
    for (int n = 0; n < kCalls; ++n) call();
    best = std::min(best, static_cast<double>(monotonic_ns() - begin) / kCalls);
  }
  return best;
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

std::optional<AllocProbe> probe_on_ourselves(OwnFunction function) {
  const auto offset = own_code_offset(reinterpret_cast<std::uint64_t>(code_of(function)));
  if (!offset) return std::nullopt;
  return AllocProbe{.file = "/proc/self/exe",
                    .offset = *offset,
                    .allocator = 0,
                    .frees = false,
                    .common = true,
                    .emulated = function == OwnFunction::kEmulated,
                    .first = std::nullopt,
                    .factor = std::nullopt,
                    .resized = std::nullopt,
                    .nested_in = {},
                    .pushed = 0};
}

double measure_probe_hit(AllocProbes& probes, OwnFunction function) {
  const auto probe = probe_on_ourselves(function);
  if (!probe) return 0;
  const double alone = probed_call_ns(function);
  const auto armed = probes.arm(getpid(), {&*probe, 1});
  if (!armed) return 0;
  const std::uint64_t now = monotonic_ns();
  probes.count_in({.open_ns = now,
                   .close_ns = std::numeric_limits<std::uint64_t>::max(),
                   .target = 0,
                   .stacks_one_in = 0});
  const double watched = probed_call_ns(function);
  probes.stop_counting(monotonic_ns());
  return std::max(0.0, watched - alone);
}

}  // namespace cw
