#include "process/stack_walker.h"

#include <fcntl.h>
#include <unistd.h>

#include "process/hotspot_code.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::size_t kMaxStackDepth = 127;

}  // namespace

StackWalker::StackWalker(std::int32_t pid, UnwindFiles& files)
    : files_(&files), directory_(open_process(pid)) {
  if (!directory_) return;
  memory_ = Fd(::openat(directory_.get(), "mem", O_RDONLY | O_CLOEXEC));
  map_ = MemoryMap::read(directory_.get());
}

bool StackWalker::read_word(std::uint64_t address, std::uint64_t& value) {
  return memory_ && ::pread(memory_.get(), &value, sizeof(value), static_cast<off_t>(address)) ==
                        static_cast<ssize_t>(sizeof(value));
}

UnwindRule StackWalker::rule_for(std::uint64_t address) {
  const Mapping* mapping = map_.find(address);
  if (mapping == nullptr || !mapping->executable) return {};
  if (!mapping->of_file() && mapping->path.empty()) {
    if (!generated_) {
      const auto java = HotspotCode::find(directory_.get(), map_);
      generated_ = java ? unwind_table(java->pieces()) : UnwindTable();
    }
    return rule_at(*generated_, address);
  }
  const auto file = files_->of(directory_.get(), map_, *mapping);
  if (!file) return {};
  const auto bias = code_bias(file->segments, mapping->start, mapping->offset);
  return bias ? rule_at(file->table, address - *bias) : UnwindRule{};
}

std::uint64_t StackWalker::cfa_by(const UnwindRule& rule, const Registers& at) {
  const auto plus = [](std::uint64_t base, std::int32_t offset) {
    return base + static_cast<std::uint64_t>(std::int64_t{offset});
  };
  constexpr std::uint64_t kEntry = 16;  // bytes of a PLT entry
  std::uint64_t value = 0;
  switch (rule.cfa) {
    case UnwindRule::Cfa::kSp:
      return plus(at.sp, rule.cfa_offset);
    case UnwindRule::Cfa::kFp:
      return plus(at.fp, rule.cfa_offset);
    case UnwindRule::Cfa::kDerefSp:
      return read_word(plus(at.sp, rule.cfa_offset), value) ? plus(value, rule.cfa_plus) : 0;
    case UnwindRule::Cfa::kDerefFp:
      return read_word(plus(at.fp, rule.cfa_offset), value) ? plus(value, rule.cfa_plus) : 0;
    case UnwindRule::Cfa::kPlt:
      return plus(at.sp, rule.cfa_offset) +
             (static_cast<std::int32_t>(at.pc % kEntry) >= rule.cfa_plus ? sizeof(value) : 0);
    default:
      return 0;
  }
}

bool StackWalker::saved_fp_by(const UnwindRule& rule, const Registers& at, std::uint64_t cfa,
                              std::uint64_t& fp) {
  const auto offset = static_cast<std::uint64_t>(std::int64_t{rule.fp_offset});
  fp = at.fp;
  switch (rule.fp) {
    case UnwindRule::Fp::kAtCfa:
      return read_word(cfa + offset, fp);
    case UnwindRule::Fp::kAtFp:
      return read_word(at.fp + offset, fp);
    case UnwindRule::Fp::kAtSp:
      return read_word(at.sp + offset, fp);
    case UnwindRule::Fp::kLost:
      fp = 1;  // no place to read from, nor the outermost frame's 0
      return true;
    case UnwindRule::Fp::kSame:
      break;
  }
  return true;
}

// The psABI's frame: the caller's frame pointer, then the return address; 0 in the outermost. Code
// that keeps no frame pointers leaves the 0 its thread began with: it proves nothing in the first
// frame.
StackWalker::Step StackWalker::step_by_frame_pointer(Frame& frame) {
  const std::uint64_t fp = frame.at.fp;
  if (fp == 0) return frame.innermost ? Step::kLost : Step::kOutermost;
  Registers next{.sp = fp + 2 * sizeof(fp)};
  if (fp < frame.at.sp || fp % sizeof(fp) != 0 || !read_word(fp, next.fp) ||
      !read_word(fp + sizeof(fp), next.pc))
    return Step::kLost;
  frame = {.at = next, .exact = false, .guessed = true};
  return Step::kMoved;
}

// A stack that was left for this one: the frame pointer is still that of whoever left it.
StackWalker::Step StackWalker::step_to_other_stack(Frame& frame) {
  const std::uint64_t fp = frame.at.fp;
  Registers next{.sp = fp + 2 * sizeof(fp)};
  if (fp == 0 || fp % sizeof(fp) != 0 || !read_word(fp, next.fp) ||
      !read_word(fp + sizeof(fp), next.pc))
    return Step::kLost;
  frame = {.at = next};
  return Step::kMoved;
}

StackWalker::Step StackWalker::step_interpreted(const UnwindRule& rule, Frame& frame,
                                                std::uint64_t& method) {
  const std::uint64_t fp = frame.at.fp;
  const auto at = [fp](std::int32_t offset) {
    return fp + static_cast<std::uint64_t>(std::int64_t{offset});
  };
  std::uint64_t ran = 0;
  Registers next;
  if (fp < frame.at.sp || fp % sizeof(fp) != 0 || !read_word(at(rule.cfa_plus), ran) ||
      !read_word(at(rule.cfa_offset), next.sp) || !read_word(fp, next.fp) ||
      !read_word(fp + sizeof(fp), next.pc) || next.sp <= frame.at.sp)
    return Step::kLost;
  frame = {.at = next};
  method = ran;
  return Step::kMoved;
}

StackWalker::Step StackWalker::step_by_signal(const UnwindRule& rule, Frame& frame) {
  const auto at = [&](std::int32_t offset) {
    return frame.at.sp + static_cast<std::uint64_t>(std::int64_t{offset});
  };
  Registers next;
  if (!read_word(at(rule.fp_offset), next.fp) || !read_word(at(rule.cfa_offset), next.sp) ||
      !read_word(at(rule.cfa_plus), next.pc))
    return Step::kLost;
  frame = {.at = next, .exact = true, .guessed = false};
  return Step::kMoved;
}

StackWalker::Step StackWalker::step(Frame& frame, WalkedFrame& walked) {
  // A call may be the last instruction of its function.
  const UnwindRule rule = rule_for(frame.exact ? frame.at.pc : frame.at.pc - 1);
  if (rule.cfa == UnwindRule::Cfa::kEnd) return Step::kOutermost;
  if (rule.cfa == UnwindRule::Cfa::kNone) return step_by_frame_pointer(frame);
  if (rule.cfa == UnwindRule::Cfa::kSignal) return step_by_signal(rule, frame);
  if (rule.cfa == UnwindRule::Cfa::kOtherStack) return step_to_other_stack(frame);
  if (rule.cfa == UnwindRule::Cfa::kInterpreted) {
    const Step moved = step_interpreted(rule, frame, walked.address);
    walked.method = moved == Step::kMoved;
    return moved;
  }
  Registers next;
  next.sp = cfa_by(rule, frame.at);
  if (next.sp <= frame.at.sp || !saved_fp_by(rule, frame.at, next.sp, next.fp) ||
      !read_word(next.sp - sizeof(next.pc), next.pc))
    return Step::kLost;
  frame = {.at = next, .exact = false, .guessed = false};
  return Step::kMoved;
}

WalkedStack StackWalker::walk(const Registers& from) {
  WalkedStack stack;
  Frame frame{.at = from, .innermost = true};
  while (stack.frames.size() < kMaxStackDepth) {
    if (frame.at.pc == 0) {
      stack.outermost = true;
      break;
    }
    stack.frames.push_back(
        {.address = frame.at.pc, .exact = frame.exact, .guessed = frame.guessed});
    const Step moved = step(frame, stack.frames.back());
    stack.outermost = moved == Step::kOutermost;
    if (moved != Step::kMoved) break;
  }
  return stack;
}

}  // namespace cw
