#include "process/go_unwind.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cw {
namespace {

constexpr std::size_t kMaxSteps = std::size_t{1}
                                  << 22;     // of all functions; large programs: 1 << 19
constexpr std::int32_t kMaxFrame = 1 << 30;  // bytes, as Go's own linker has it

// Functions of the runtime that the sizes of their frames do not lead out of.
struct Special {
  std::string_view name;
  UnwindRule::Cfa cfa;
};
constexpr auto kSpecial = std::to_array<Special>({
    // Nothing called these: a thread's first function, a goroutine's, a signal handler's. Or who
    // did may have gone on elsewhere: what lies behind the scheduler's entries is a goroutine's.
    {"runtime.mstart", UnwindRule::Cfa::kEnd},
    {"runtime.rt0_go", UnwindRule::Cfa::kEnd},
    {"runtime.goexit", UnwindRule::Cfa::kEnd},
    {"runtime.mcall", UnwindRule::Cfa::kEnd},
    {"runtime.morestack", UnwindRule::Cfa::kEnd},
    {"runtime.sigtramp", UnwindRule::Cfa::kEnd},
    // They go on on another stack, and keep the frame pointer of the one they left (TEXT
    // runtime·systemstack and others in src/runtime/asm_amd64.s).
    {"runtime.systemstack", UnwindRule::Cfa::kOtherStack},
    {"runtime.asmcgocall", UnwindRule::Cfa::kOtherStack},
    {"runtime.asmcgocall_no_g", UnwindRule::Cfa::kOtherStack},
    {"runtime.cgocallback", UnwindRule::Cfa::kOtherStack},
});

// Comes from C with what C keeps there in the frame pointer, and leaves it alone.
constexpr std::string_view kFromC = "crosscall2";

bool is_called(const GoTable& table, const GoTable::Function& function, std::string_view name) {
  const std::string_view names = table.names().substr(function.name);
  return names.starts_with(name) && names.substr(name.size()).starts_with('\0');
}

// Go's frames: the return address, the caller's frame pointer if the frame has any size, the rest.
UnwindRule rule_for(std::int32_t size, bool keeps_fp) {
  if (size < 0 || size > kMaxFrame) return {};
  UnwindRule rule{.cfa = UnwindRule::Cfa::kSp, .cfa_offset = size + kStackWord};
  if (keeps_fp && size >= kStackWord) {
    rule.fp = UnwindRule::Fp::kAtCfa;
    rule.fp_offset = -2 * kStackWord;
  }
  return rule;
}

}  // namespace

void add_go_rows(const GoTable& table, UnwindRows& rows) {
  std::size_t left = kMaxSteps;
  for (std::size_t i = 0; i < table.functions() && left != 0; ++i) {
    const auto function = table.function(i);
    if (!function) {
      rows.leave_out();
      continue;
    }
    const auto* const special = std::ranges::find_if(
        kSpecial, [&](const Special& one) { return is_called(table, *function, one.name); });
    rows.begin(function->start, function->end);
    if (special != kSpecial.end()) {
      rows.add(function->start, {.cfa = special->cfa});
      continue;
    }
    const bool keeps_fp = !is_called(table, *function, kFromC);
    std::uint64_t pc = function->start;
    for (auto steps = table.stack_sizes(*function); left != 0 && pc < function->end && steps.next();
         --left) {
      if (steps.end() <= pc) continue;
      rows.add(pc, rule_for(steps.value(), keeps_fp));
      pc = steps.end();
    }
  }
  if (left == 0) rows.leave_out();
}

}  // namespace cw
