#include "process/unwind_files.h"

#include "process/mapped_file.h"
#include "process/vdso.h"

namespace cw {

UnwindFiles::FileId UnwindFiles::id_of(const Mapping& mapping) {
  return {mapping.device_major, mapping.device_minor, mapping.inode};
}

std::shared_ptr<const UnwindFile> UnwindFiles::of(int directory, const MemoryMap& map,
                                                  const Mapping& mapping) {
  const bool is_vdso = mapping.path == "[vdso]";
  if (!mapping.of_file() && !is_vdso) return nullptr;
  const auto [place, is_new] = files_.try_emplace(id_of(mapping));
  if (!is_new) return place->second;
  std::optional<UnwindFile> file;
  if (is_vdso)
    file = read_unwind_image(read_vdso(directory, map));
  else if (const Fd opened = open_mapped_file(directory, mapping); opened)
    file = read_unwind_file(opened.get());
  if (file) place->second = std::make_shared<const UnwindFile>(*std::move(file));
  return place->second;
}

}  // namespace cw
