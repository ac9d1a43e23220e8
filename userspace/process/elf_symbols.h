// What one ELF file says about its code and variables (System V gABI chapters 4 and 5, elf(5)).
// The file is the observed process's: sizes are bounded and offsets checked when it is loaded, so
// that the lookups need no checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/fd.h"

namespace cw {

// Addresses are virtual addresses as the file has them: subtract the load bias first.
struct ElfSymbol {
  std::uint64_t address = 0;
  std::uint32_t size = 0;              // bytes; larger ones are cut to 4 GB
  std::uint32_t name : 29 = 0;         // offset in the pool of names
  std::uint32_t guessed_size : 1 = 0;  // the file says 0: it ends where the next one begins
  std::uint32_t exported : 1 = 0;      // by some name: other modules can be bound to it
  std::uint32_t indirect : 1 = 0;      // STT_GNU_IFUNC: chooses the function, is not it

  bool operator==(const ElfSymbol&) const = default;
};

struct ElfSegment {  // PT_LOAD
  std::uint64_t offset = 0;
  std::uint64_t file_size = 0;
  std::uint64_t address = 0;
  std::uint64_t memory_size = 0;
  bool writable = false;
  bool executable = false;

  bool operator==(const ElfSegment&) const = default;
  [[nodiscard]] bool holds(std::uint64_t vaddr) const {
    return vaddr >= address && vaddr - address < memory_size;
  }
};

struct ElfSection {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool in_file = false;  // not SHT_NOBITS
  bool executable = false;

  bool operator==(const ElfSection&) const = default;
};

// All that a load reads; ElfImage makes the lookups.
struct ElfContents {
  std::vector<ElfSymbol> functions;  // by address
  std::vector<ElfSymbol> objects;    // by address
  std::string names;                 // NUL-terminated strings; ends with NUL
  std::vector<ElfSegment> segments;
  std::vector<ElfSection> sections;
  std::vector<std::string> needed;        // DT_NEEDED
  std::string soname;                     // DT_SONAME
  std::string interpreter;                // PT_INTERP; empty: library or static
  std::string build_id;                   // raw bytes of NT_GNU_BUILD_ID
  std::string debug_link;                 // .gnu_debuglink: name of the separate debug file
  std::uint32_t debug_link_checksum = 0;  // its CRC-32, as zlib's
  std::string comment;                    // .comment: the compilers, separated by NUL; first 4 KB
  std::uint64_t entry = 0;                // e_entry
  // Where the call of a thread's first function returns to: found by its instructions, because
  // stripped C libraries have no symbol for it. Few.
  std::vector<std::uint64_t> thread_starts;
  bool cut = false;  // a bound was met: symbols are missing

  bool operator==(const ElfContents&) const = default;
};

class ElfImage {
 public:
  explicit ElfImage(ElfContents contents);

  // The function (or object) that covers the address; null when none does. A symbol's stated size
  // is never exceeded: what lies behind it is another, nameless function.
  [[nodiscard]] const ElfSymbol* function_at(std::uint64_t vaddr) const;
  [[nodiscard]] const ElfSymbol* object_at(std::uint64_t vaddr) const;
  // As in the file, mangled and maybe with a version. At most kMaxMangled + 1 bytes.
  [[nodiscard]] std::string_view name_of(const ElfSymbol& symbol) const;
  // Whether some name in the symbol tables, imports included, holds `part`.
  [[nodiscard]] bool any_name_holds(std::string_view part) const;

  // Of a byte of an executable mapping, by its offset in the file.
  [[nodiscard]] std::optional<std::uint64_t> code_address(std::uint64_t file_offset) const;
  [[nodiscard]] const ElfSegment* segment_at(std::uint64_t vaddr) const;
  [[nodiscard]] const ElfSection* section_named(std::string_view name) const;
  // The lowest address, rounded down to a page: what the load bias is relative to.
  [[nodiscard]] std::uint64_t first_page() const;
  // Whether a call that returns here is the first of a thread or of the process.
  [[nodiscard]] bool is_outermost(std::uint64_t return_vaddr) const;
  // A static program or one with an interpreter: starts at its entry point.
  [[nodiscard]] bool is_program() const;

  // Whether it has line tables: DWARF that is not only a reference, or Go's own.
  [[nodiscard]] bool has_lines() const;

  [[nodiscard]] const ElfContents& contents() const { return contents_; }
  [[nodiscard]] std::size_t bytes() const;  // of memory, about

 private:
  ElfContents contents_;
};

// Where the debug information stripped off a file is.
struct DebugFile {
  Fd file;       // an ELF file, or nowhere (empty)
  Fd alternate;  // what it shares with others (.gnu_debugaltlink), if anything
};
using FindDebugFile = std::function<DebugFile(const ElfContents&)>;

struct LoadedElf {
  std::shared_ptr<const ElfImage> image;
  DebugFile debug;  // as found
};

// Reads a file (regular, open for reading) without mapping it: a process that cuts it meanwhile
// must not end us by SIGBUS. Files for other machines, too, as long as they are little-endian.
// Where it has no .symtab, names come also from .gnu_debugdata and from the debug file.
Result<LoadedElf> load_elf(int file, const FindDebugFile& find_debug_file = {});

}  // namespace cw
