#include "site_counter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/fd.h"

namespace cw::test {
namespace {

// The members of struct pt_regs (arch/x86/include/uapi/asm/ptrace.h) by DWARF number.
constexpr std::array<std::int16_t, 16> kOffsets = {80, 96, 88, 40, 104, 112, 32, 152,
                                                   72, 64, 56, 48, 24,  16,  8,  0};
constexpr std::int16_t kStackPointer = 152;

// BPF_TRACE_UPROBE_MULTI, which the headers of older kernels lack.
constexpr auto kUprobeMulti = static_cast<bpf_attach_type>(48);

std::int16_t offset_of(Register reg) {
  return kOffsets.at(static_cast<std::size_t>(reg));
}

bpf_insn insn(int code, int to, int from, std::int16_t offset, std::int32_t value) {
  bpf_insn out{};
  out.code = static_cast<__u8>(code);
  out.dst_reg = static_cast<__u8>(to) & 0xf;
  out.src_reg = static_cast<__u8>(from) & 0xf;
  out.off = offset;
  out.imm = value;
  return out;
}
bpf_insn move(int to, int from) {
  return insn(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}
bpf_insn set(int to, std::int32_t value) {
  return insn(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}
bpf_insn add(int to, std::int32_t value) {
  return insn(BPF_ALU64 | BPF_ADD, to, 0, 0, value);
}
bpf_insn load(int to, int from, std::int16_t offset) {
  return insn(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0);
}
bpf_insn store(int to, std::int16_t offset, int from) {
  return insn(BPF_STX | BPF_MEM | BPF_DW, to, from, offset, 0);
}
bpf_insn add_to(int to, std::int16_t offset, int from) {
  return insn(BPF_STX | BPF_ATOMIC | BPF_DW, to, from, offset, BPF_ADD);
}
bpf_insn call(bpf_func_id function) {
  return insn(BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

// The key at r10-8 is the return address, the value at r10-32 a SiteHits.
std::vector<bpf_insn> program_for(const CountedPlace& place, int map) {
  std::vector<bpf_insn> code;
  const auto emit = [&code](std::initializer_list<bpf_insn> more) {
    code.insert(code.end(), more.begin(), more.end());
  };
  emit({move(BPF_REG_6, BPF_REG_1), set(BPF_REG_8, 0), set(BPF_REG_9, 0)});
  if (place.size_in) emit({load(BPF_REG_8, BPF_REG_6, offset_of(*place.size_in))});
  if (place.count_in)
    emit({load(BPF_REG_1, BPF_REG_6, offset_of(*place.count_in)),
          insn(BPF_ALU64 | BPF_MUL | BPF_X, BPF_REG_8, BPF_REG_1, 0, 0)});
  if (place.pointer_in) emit({load(BPF_REG_9, BPF_REG_6, offset_of(*place.pointer_in))});
  const auto map_to_first = [&] {
    emit({insn(BPF_LD | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map), insn(0, 0, 0, 0, 0)});
  };
  emit({load(BPF_REG_3, BPF_REG_6, kStackPointer), add(BPF_REG_3, static_cast<int>(place.pushed)),
        move(BPF_REG_1, BPF_REG_10), add(BPF_REG_1, -8), set(BPF_REG_2, 8),
        call(BPF_FUNC_probe_read_user)});
  map_to_first();
  emit({move(BPF_REG_2, BPF_REG_10), add(BPF_REG_2, -8), call(BPF_FUNC_map_lookup_elem),
        insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 14, 0)});
  emit({set(BPF_REG_1, 1), store(BPF_REG_10, -32, BPF_REG_1), store(BPF_REG_10, -24, BPF_REG_8),
        store(BPF_REG_10, -16, BPF_REG_9)});
  map_to_first();
  emit({move(BPF_REG_2, BPF_REG_10), add(BPF_REG_2, -8), move(BPF_REG_3, BPF_REG_10),
        add(BPF_REG_3, -32), set(BPF_REG_4, 0), call(BPF_FUNC_map_update_elem), set(BPF_REG_0, 0),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)});
  emit({set(BPF_REG_1, 1), add_to(BPF_REG_0, 0, BPF_REG_1), add_to(BPF_REG_0, 8, BPF_REG_8),
        add_to(BPF_REG_0, 16, BPF_REG_9), set(BPF_REG_0, 0), insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)});
  return code;
}

[[noreturn]] void refuse(const std::string& what, const ProbeSite& site) {
  throw std::runtime_error(what + " for " + site.function + ": " + std::to_string(errno));
}

}  // namespace

struct SiteCounter::Handles {
  Fd map;
  Fd program;
  Fd link;
};

SiteCounter::SiteCounter(const ProbeSite& site, const CountedPlace& place, std::int32_t pid)
    : handles_(std::make_unique<Handles>()) {
  handles_->map = Fd(bpf_map_create(BPF_MAP_TYPE_HASH, "hits", sizeof(std::uint64_t),
                                    sizeof(SiteHits), 4096, nullptr));
  if (!handles_->map) refuse("no map", site);
  const auto code = program_for(place, handles_->map.get());
  bpf_prog_load_opts load_options{};
  load_options.sz = sizeof load_options;
  load_options.expected_attach_type = kUprobeMulti;
  handles_->program = Fd(
      bpf_prog_load(BPF_PROG_TYPE_KPROBE, "count", "GPL", code.data(), code.size(), &load_options));
  if (!handles_->program) refuse("no program", site);
  const std::string path = "/proc/self/fd/" + std::to_string(site.file->get());
  const unsigned long offset = place.file_offset;
  bpf_link_create_opts link_options{};
  link_options.sz = sizeof link_options;
  link_options.uprobe_multi.path = path.c_str();
  link_options.uprobe_multi.offsets = &offset;
  link_options.uprobe_multi.cnt = 1;
  link_options.uprobe_multi.pid = static_cast<__u32>(pid);
  handles_->link = Fd(bpf_link_create(handles_->program.get(), 0, kUprobeMulti, &link_options));
  if (!handles_->link) refuse("not attached", site);
}

SiteCounter::~SiteCounter() = default;

std::map<std::uint64_t, SiteHits> SiteCounter::hits() const {
  std::map<std::uint64_t, SiteHits> all;
  std::uint64_t key = 0;
  const std::uint64_t* last = nullptr;
  while (bpf_map_get_next_key(handles_->map.get(), last, &key) == 0) {
    last = &key;
    bpf_map_lookup_elem(handles_->map.get(), &key, &all[key]);
  }
  return all;
}

CountedPlace chosen_place(const ProbeSite& site) {
  return {.file_offset = site.file_offset,
          .size_in = site.size_in,
          .count_in = site.count_in,
          .pointer_in = site.pointer_in,
          .pushed = site.pushed};
}

CountedPlace entry_place(const ProbeSite& site) {
  constexpr std::array kArguments = {Register{5}, Register{4}, Register{1}};
  const CallShape shape = shape_of(site.call);
  const auto in = [&](std::optional<std::uint8_t> argument) {
    return argument ? std::optional(kArguments.at(*argument)) : std::nullopt;
  };
  return {.file_offset = site.entry_offset,
          .size_in = in(shape.size),
          .count_in = in(shape.count),
          .pointer_in = in(shape.pointer),
          .pushed = 0};
}

SiteHits sum_of(const std::map<std::uint64_t, SiteHits>& hits) {
  SiteHits sum;
  for (const auto& [address, more] : hits) {
    sum.calls += more.calls;
    sum.sizes += more.sizes;
    sum.pointers += more.pointers;
  }
  return sum;
}

}  // namespace cw::test
