#include "process/link_order.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::size_t kMaxModules = 4096;
constexpr std::size_t kMaxDynamic = 512;  // entries

// struct r_debug and struct link_map of link.h, of a 64-bit process: their public beginnings.
struct DebugRecord {
  std::int32_t version;
  std::int32_t padding;
  std::uint64_t first;
};
struct LinkRecord {
  std::uint64_t bias;
  std::uint64_t name;
  std::uint64_t dynamic;
  std::uint64_t next;
};

class Memory {
 public:
  explicit Memory(int process) : file_(::openat(process, "mem", O_RDONLY | O_CLOEXEC)) {}

  template <typename Record>
    requires std::is_trivially_copyable_v<Record>
  [[nodiscard]] std::optional<Record> read(std::uint64_t address) const {
    Record record{};
    if (!file_ || ::pread(file_.get(), &record, sizeof record, static_cast<off_t>(address)) !=
                      static_cast<ssize_t>(sizeof record))
      return std::nullopt;
    return record;
  }

 private:
  Fd file_;
};

std::optional<std::uint64_t> debug_record_of(const Memory& memory, std::uint64_t dynamic) {
  for (std::size_t i = 0; i < kMaxDynamic; ++i) {
    const auto entry = memory.read<Elf64_Dyn>(dynamic + i * sizeof(Elf64_Dyn));
    if (!entry || entry->d_tag == DT_NULL) return std::nullopt;
    if (entry->d_tag == DT_DEBUG && entry->d_un.d_ptr != 0) return entry->d_un.d_ptr;
  }
  return std::nullopt;
}

// Where the program's dynamic section is in the process.
std::optional<std::uint64_t> program_dynamic(ProcessSymbols& symbols) {
  const std::string exe = read_link(symbols.directory(), "exe");
  const auto path = std::string_view(exe).substr(0, exe.find(" (deleted)"));
  for (const Mapping& mapping : symbols.memory_map().mappings()) {
    if (!mapping.of_file() || mapping.past || mapping.path != path) continue;
    const auto image = symbols.image_of(mapping);
    if (!image) return std::nullopt;
    const ElfSection* dynamic = image->section_named(".dynamic");
    const auto bias = symbols.load_bias(mapping, *image);
    if (dynamic == nullptr || !bias) return std::nullopt;
    return dynamic->address + *bias;
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::uint64_t> link_order(ProcessSymbols& symbols) {
  std::vector<std::uint64_t> order;
  const auto dynamic = program_dynamic(symbols);
  if (!dynamic) return order;
  const Memory memory(symbols.directory());
  const auto debug = debug_record_of(memory, *dynamic);
  const auto record = debug ? memory.read<DebugRecord>(*debug) : std::nullopt;
  std::uint64_t at = record ? record->first : 0;
  while (at != 0 && order.size() < kMaxModules) {
    const auto module = memory.read<LinkRecord>(at);
    if (!module) break;
    order.push_back(module->bias);
    at = module->next;
  }
  return order;
}

}  // namespace cw
