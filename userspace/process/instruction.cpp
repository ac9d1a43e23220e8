#include "process/instruction.h"

#include <capstone/capstone.h>

#include <algorithm>
#include <array>

namespace cw {
namespace {

// The general register that `reg` is, or is a part of.
std::optional<Register> whole_of(x86_reg reg) {
  switch (reg) {
    case X86_REG_RAX:
    case X86_REG_EAX:
    case X86_REG_AX:
    case X86_REG_AL:
    case X86_REG_AH:
      return Register{0};
    case X86_REG_RDX:
    case X86_REG_EDX:
    case X86_REG_DX:
    case X86_REG_DL:
    case X86_REG_DH:
      return Register{1};
    case X86_REG_RCX:
    case X86_REG_ECX:
    case X86_REG_CX:
    case X86_REG_CL:
    case X86_REG_CH:
      return Register{2};
    case X86_REG_RBX:
    case X86_REG_EBX:
    case X86_REG_BX:
    case X86_REG_BL:
    case X86_REG_BH:
      return Register{3};
    case X86_REG_RSI:
    case X86_REG_ESI:
    case X86_REG_SI:
    case X86_REG_SIL:
      return Register{4};
    case X86_REG_RDI:
    case X86_REG_EDI:
    case X86_REG_DI:
    case X86_REG_DIL:
      return Register{5};
    case X86_REG_RBP:
    case X86_REG_EBP:
    case X86_REG_BP:
    case X86_REG_BPL:
      return Register{6};
    case X86_REG_RSP:
    case X86_REG_ESP:
    case X86_REG_SP:
    case X86_REG_SPL:
      return Register{7};
    case X86_REG_R8:
    case X86_REG_R8D:
    case X86_REG_R8W:
    case X86_REG_R8B:
      return Register{8};
    case X86_REG_R9:
    case X86_REG_R9D:
    case X86_REG_R9W:
    case X86_REG_R9B:
      return Register{9};
    case X86_REG_R10:
    case X86_REG_R10D:
    case X86_REG_R10W:
    case X86_REG_R10B:
      return Register{10};
    case X86_REG_R11:
    case X86_REG_R11D:
    case X86_REG_R11W:
    case X86_REG_R11B:
      return Register{11};
    case X86_REG_R12:
    case X86_REG_R12D:
    case X86_REG_R12W:
    case X86_REG_R12B:
      return Register{12};
    case X86_REG_R13:
    case X86_REG_R13D:
    case X86_REG_R13W:
    case X86_REG_R13B:
      return Register{13};
    case X86_REG_R14:
    case X86_REG_R14D:
    case X86_REG_R14W:
    case X86_REG_R14B:
      return Register{14};
    case X86_REG_R15:
    case X86_REG_R15D:
    case X86_REG_R15W:
    case X86_REG_R15B:
      return Register{15};
    default:
      return std::nullopt;
  }
}

// What the first operand and the flags become.
enum class Kind : std::uint8_t {
  kOther,     // not one of these
  kReads,     // cmp, test, bt, nop: no register written
  kWrites,    // the first operand
  kExchange,  // both operands
  kMultiply,  // rax, rdx
  kPush,
  kPop,
};

bool is_in(unsigned id, std::span<const unsigned> set) {
  return std::ranges::find(set, id) != set.end();
}

Kind kind_of(const cs_insn& insn) {
  static constexpr auto kReads = std::to_array<unsigned>(
      {X86_INS_CMP, X86_INS_TEST, X86_INS_BT, X86_INS_NOP, X86_INS_ENDBR64});
  static constexpr auto kWrites = std::to_array<unsigned>(
      {X86_INS_MOV,    X86_INS_MOVABS, X86_INS_MOVZX,  X86_INS_MOVSX,  X86_INS_MOVSXD,
       X86_INS_LEA,    X86_INS_ADD,    X86_INS_SUB,    X86_INS_ADC,    X86_INS_SBB,
       X86_INS_AND,    X86_INS_OR,     X86_INS_XOR,    X86_INS_NOT,    X86_INS_NEG,
       X86_INS_INC,    X86_INS_DEC,    X86_INS_SHL,    X86_INS_SHR,    X86_INS_SAR,
       X86_INS_ROL,    X86_INS_ROR,    X86_INS_BSF,    X86_INS_BSR,    X86_INS_LZCNT,
       X86_INS_TZCNT,  X86_INS_BTS,    X86_INS_BTR,    X86_INS_SETO,   X86_INS_SETNO,
       X86_INS_SETB,   X86_INS_SETAE,  X86_INS_SETE,   X86_INS_SETNE,  X86_INS_SETBE,
       X86_INS_SETA,   X86_INS_SETS,   X86_INS_SETNS,  X86_INS_SETL,   X86_INS_SETGE,
       X86_INS_SETLE,  X86_INS_SETG,   X86_INS_CMOVO,  X86_INS_CMOVNO, X86_INS_CMOVB,
       X86_INS_CMOVAE, X86_INS_CMOVE,  X86_INS_CMOVNE, X86_INS_CMOVBE, X86_INS_CMOVA,
       X86_INS_CMOVS,  X86_INS_CMOVNS, X86_INS_CMOVL,  X86_INS_CMOVGE, X86_INS_CMOVLE,
       X86_INS_CMOVG,  X86_INS_MOVD,   X86_INS_MOVQ,   X86_INS_MOVAPS, X86_INS_MOVUPS,
       X86_INS_MOVDQA, X86_INS_MOVDQU, X86_INS_PXOR,   X86_INS_XORPS});
  const auto operands = insn.detail->x86.op_count;
  if (insn.id == X86_INS_PUSH) return Kind::kPush;
  if (insn.id == X86_INS_POP) return Kind::kPop;
  if (insn.id == X86_INS_XCHG) return Kind::kExchange;
  if (insn.id == X86_INS_MUL || (insn.id == X86_INS_IMUL && operands == 1)) return Kind::kMultiply;
  if (insn.id == X86_INS_IMUL || is_in(insn.id, kWrites)) return Kind::kWrites;
  return is_in(insn.id, kReads) ? Kind::kReads : Kind::kOther;
}

bool is_register(const cs_x86_op& operand, std::uint8_t size) {
  return operand.type == X86_OP_REG && operand.size == size;
}

void see_registers(csh handle, const cs_insn& insn, Kind kind, Instruction& out) {
  const cs_x86& x86 = insn.detail->x86;
  const auto write = [&out](x86_reg reg) {
    if (const auto whole = whole_of(reg)) out.written.insert(*whole);
  };
  cs_regs read{};
  cs_regs written{};
  std::uint8_t reads = 0;
  std::uint8_t writes = 0;
  if (cs_regs_access(handle, &insn, read, &reads, written, &writes) == CS_ERR_OK) {
    for (std::uint8_t i = 0; i < writes; ++i) write(static_cast<x86_reg>(written[i]));
  }
  // The library's table of accesses has gaps: what these kinds write is said here.
  const bool first = kind == Kind::kWrites || kind == Kind::kExchange || kind == Kind::kPop;
  if (first && x86.op_count > 0 && x86.operands[0].type == X86_OP_REG) write(x86.operands[0].reg);
  if (kind == Kind::kExchange && x86.op_count > 1 && x86.operands[1].type == X86_OP_REG)
    write(x86.operands[1].reg);
  if (kind == Kind::kMultiply) {
    write(X86_REG_RAX);
    write(X86_REG_RDX);
  }
  out.plain = kind != Kind::kOther;
}

void see_copies(const cs_insn& insn, Instruction& out) {
  const cs_x86& x86 = insn.detail->x86;
  if (x86.op_count != 2 || !is_register(x86.operands[0], 8)) return;
  const auto to = whole_of(x86.operands[0].reg);
  if (!to) return;
  const cs_x86_op& source = x86.operands[1];
  if ((insn.id == X86_INS_MOV || insn.id == X86_INS_XCHG) && is_register(source, 8)) {
    if (const auto from = whole_of(source.reg)) out.copy.emplace(*to, *from);
    out.exchange = insn.id == X86_INS_XCHG;
  }
}

void see_stack(const cs_insn& insn, Kind kind, Instruction& out) {
  const cs_x86& x86 = insn.detail->x86;
  const auto operand = std::span(x86.operands).first(x86.op_count);
  if (kind == Kind::kPush || kind == Kind::kPop) {
    const bool whole = operand.empty() || operand[0].type == X86_OP_IMM || operand[0].size == 8;
    out.stack_growth = kind == Kind::kPush ? 8 : -8;
    if (!whole || (kind == Kind::kPop && out.written.contains(kRsp) && operand.size() == 1 &&
                   operand[0].type == X86_OP_REG && whole_of(operand[0].reg) == kRsp))
      out.stack_growth.reset();
    return;
  }
  const bool to_rsp =
      !operand.empty() && is_register(operand[0], 8) && operand[0].reg == X86_REG_RSP;
  constexpr std::int64_t kMost = 1 << 24;
  if (to_rsp && operand.size() == 2 && operand[1].type == X86_OP_IMM &&
      (insn.id == X86_INS_SUB || insn.id == X86_INS_ADD) && operand[1].imm < kMost &&
      operand[1].imm > -kMost) {
    const auto size = static_cast<std::int32_t>(operand[1].imm);
    out.stack_growth = insn.id == X86_INS_SUB ? size : -size;
    return;
  }
  if (out.written.contains(kRsp)) out.stack_growth.reset();
}

void see_stores(const cs_insn& insn, Kind kind, Instruction& out) {
  const cs_x86& x86 = insn.detail->x86;
  if (kind == Kind::kReads || kind == Kind::kPush || kind == Kind::kPop || x86.op_count == 0)
    return;
  for (const cs_x86_op& operand : std::span(x86.operands).first(x86.op_count)) {
    const bool first = &operand == x86.operands;
    if (operand.type != X86_OP_MEM || (!first && (operand.access & CS_AC_WRITE) == 0)) continue;
    const bool constant =
        first && insn.id == X86_INS_MOV && x86.op_count == 2 && x86.operands[1].type == X86_OP_IMM;
    const bool on_stack = operand.mem.base == X86_REG_RSP;
    out.stores = out.stores || (!constant && !on_stack);
    out.stores_thread_local = out.stores_thread_local || operand.mem.segment == X86_REG_FS ||
                              operand.mem.segment == X86_REG_GS;
  }
}

Flow flow_of(csh handle, const cs_insn& insn) {
  const cs_x86& x86 = insn.detail->x86;
  const bool direct = x86.op_count == 1 && x86.operands[0].type == X86_OP_IMM;
  switch (insn.id) {
    case X86_INS_JMP:
    case X86_INS_LJMP:
      return direct ? Flow::kJump : Flow::kIndirectJump;
    case X86_INS_CALL:
    case X86_INS_LCALL:
      return direct ? Flow::kCall : Flow::kIndirectCall;
    case X86_INS_UD2:
    case X86_INS_HLT:
    case X86_INS_INT3:
    case X86_INS_INT1:
      return Flow::kTrap;
    case X86_INS_LOOP:
    case X86_INS_LOOPE:
    case X86_INS_LOOPNE:
      return Flow::kBranch;
    default:
      break;
  }
  if (cs_insn_group(handle, &insn, CS_GRP_RET) || cs_insn_group(handle, &insn, CS_GRP_IRET))
    return Flow::kReturn;
  return cs_insn_group(handle, &insn, CS_GRP_JUMP) ? Flow::kBranch : Flow::kNext;
}

void see_flow(csh handle, const cs_insn& insn, Instruction& out) {
  const cs_x86& x86 = insn.detail->x86;
  out.flow = flow_of(handle, insn);
  if (out.flow == Flow::kNext || x86.op_count != 1) return;
  const cs_x86_op& operand = x86.operands[0];
  if (operand.type == X86_OP_IMM && out.flow != Flow::kReturn)
    out.target = static_cast<std::uint64_t>(operand.imm);
  if (operand.type == X86_OP_MEM && operand.mem.base == X86_REG_RIP &&
      operand.mem.index == X86_REG_INVALID)
    out.slot = out.end() + static_cast<std::uint64_t>(operand.mem.disp);
}

}  // namespace

struct Decoder::State {
  csh handle = 0;
  cs_insn* insn = nullptr;

  State() {
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) return;
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    insn = cs_malloc(handle);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (insn != nullptr) cs_free(insn, 1);
    if (handle != 0) cs_close(&handle);
  }

  bool next(std::span<const std::byte> code, std::uint64_t address) const {
    constexpr std::size_t kLongest = 15;
    if (insn == nullptr || code.empty()) return false;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t size = std::min(code.size(), kLongest);
    return cs_disasm_iter(handle, &bytes, &size, &address, insn);
  }
};

Decoder::Decoder() : state_(std::make_unique<State>()) {}
Decoder::~Decoder() = default;

std::optional<Instruction> Decoder::decode(std::span<const std::byte> code, std::uint64_t address) {
  if (!state_->next(code, address)) return std::nullopt;
  const cs_insn& insn = *state_->insn;
  Instruction out;
  out.address = address;
  out.length = static_cast<std::uint8_t>(insn.size);
  const Kind kind = kind_of(insn);
  see_registers(state_->handle, insn, kind, out);
  see_copies(insn, out);
  see_stack(insn, kind, out);
  see_stores(insn, kind, out);
  see_flow(state_->handle, insn, out);
  return out;
}

std::string Decoder::text(std::span<const std::byte> code, std::uint64_t address) {
  if (!state_->next(code, address)) return {};
  std::string text = state_->insn->mnemonic;
  if (state_->insn->op_str[0] != '\0') text.append(" ").append(state_->insn->op_str);
  return text;
}

}  // namespace cw
