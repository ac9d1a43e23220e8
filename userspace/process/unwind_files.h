// The unwind tables of files that were just read: several processes map the same ones.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "process/maps.h"
#include "process/unwind_file.h"

namespace cw {

class UnwindFiles {
 public:
  // A file as its mappings name it. While one is mapped, the inode's number is not used again.
  using FileId = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;
  static FileId id_of(const Mapping& mapping);

  // Of the file, or the vDSO, behind a mapping in `map`; `directory`: see open_process(). Null when
  // it is none, or cannot be read.
  std::shared_ptr<const UnwindFile> of(int directory, const MemoryMap& map, const Mapping& mapping);
  // They are large, and needed for a moment.
  void forget() { files_.clear(); }

 private:
  std::map<FileId, std::shared_ptr<const UnwindFile>> files_;
};

}  // namespace cw
