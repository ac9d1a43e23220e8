// Go's own table of functions and lines, which is in every Go program, stripped or not
// (go.dev/src/internal/abi/symtab.go, go.dev/src/debug/gosym/pclntab.go).
#pragma once

#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "process/elf_symbol_reader.h"
#include "process/source_lines.h"

namespace cw {

class GoTable {
 public:
  // Of Go 1.16 and newer. `bytes` is .gopclntab and outlives this; `text` is where the program's
  // code begins, for tables that do not tell. Empty: damaged, or of another version.
  static std::optional<GoTable> open(std::string_view bytes, std::uint64_t text);
  // The table of a program; its bytes live as long as `elf`.
  static std::optional<GoTable> of(Elf* elf);

  struct Function {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint32_t name = 0;     // offset in names()
    std::uint64_t details = 0;  // offset of its record in the table
  };
  [[nodiscard]] std::size_t functions() const { return functions_; }
  // Empty when its entry is damaged.
  [[nodiscard]] std::optional<Function> function(std::size_t index) const;
  [[nodiscard]] std::optional<Function> function_at(std::uint64_t vaddr) const;
  [[nodiscard]] std::string_view names() const { return names_; }  // NUL-terminated strings

  // The stretches of a function's code over which a value stays the same, in turn.
  class Steps {
   public:
    // Moves to the next; false behind the last one, and at damage.
    bool next();
    [[nodiscard]] std::uint64_t end() const { return end_; }
    [[nodiscard]] std::int32_t value() const { return static_cast<std::int32_t>(value_); }

   private:
    friend class GoTable;
    Steps(std::string_view bytes, std::uint64_t start, std::uint8_t quantum)
        : bytes_(bytes), end_(start), quantum_(quantum) {}

    std::string_view bytes_;
    std::uint64_t end_;
    std::int64_t value_ = -1;
    std::uint8_t quantum_;
    bool is_first_ = true;
  };
  // How many bytes the function has put on the stack, above its return address. None: it is not
  // told.
  [[nodiscard]] Steps stack_sizes(const Function& function) const;

  // The function, and its file and line: only the name where the code is of a function inlined
  // in it, whose name is not in this table.
  [[nodiscard]] SourceFrames at(std::uint64_t vaddr) const;

 private:
  enum class Version { k16, k18, k20 };

  GoTable() = default;
  // Of a function, or behind the last one.
  [[nodiscard]] std::uint64_t entry_of(std::size_t index) const;
  // A table of {value, up to which pc}, at an offset of `steps_`.
  [[nodiscard]] Steps steps_of(std::uint32_t table, const Function& function) const;
  [[nodiscard]] std::optional<std::int32_t> value_at(std::uint32_t table, const Function& function,
                                                     std::uint64_t vaddr) const;
  [[nodiscard]] bool is_inlined(const Function& function, std::uint64_t vaddr) const;
  [[nodiscard]] std::string_view file_at(const Function& function, std::uint64_t vaddr) const;
  // A 32-bit field of the function's record, counted behind its entry point.
  [[nodiscard]] std::optional<std::uint32_t> field(const Function& function, unsigned index) const;

  Version version_ = Version::k20;
  std::uint8_t quantum_ = 1;  // of addresses: the least size of an instruction
  std::uint8_t pointer_ = 8;  // bytes
  std::size_t functions_ = 0;
  std::uint64_t text_ = 0;
  std::string_view names_;
  std::string_view file_numbers_;  // of each compilation unit, to offsets in file_names_
  std::string_view file_names_;
  std::string_view steps_;
  std::string_view index_;  // of functions: entry point, offset of the record, both from here on
};

// Adds the functions of a Go program to its symbols.
void read_go_functions(Elf* elf, SymbolPool& pool);

}  // namespace cw
