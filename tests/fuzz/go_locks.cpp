#include "process/go_locks.h"

#include <cstdlib>
#include <memory>

#include "input.h"
#include "process/memory_file.h"

namespace {

// A Go program whose code is the input: first semacquire1, then, a page behind its beginning, what
// it calls, and at the end what wakes.
std::shared_ptr<const cw::ElfImage> image_around(std::size_t size) {
  constexpr std::uint64_t kCode = 0x401000;
  constexpr std::uint64_t kPage = 0x1000;
  cw::ElfContents contents;
  const auto add = [&](const char* name, std::uint64_t address, std::uint64_t length) {
    contents.functions.push_back({.address = address,
                                  .size = static_cast<std::uint32_t>(length),
                                  .name = static_cast<std::uint32_t>(contents.names.size())});
    contents.names.append(name).push_back('\0');
  };
  add("runtime.semacquire1", kCode, size);
  add("runtime.acquireSudog", kCode + kPage, 16);
  add("runtime.releaseSudog", kCode + kPage + 16, 16);
  add("sync.runtime_Semrelease", kCode + size / 2, size - size / 2);
  contents.segments.push_back({.offset = 0,
                               .file_size = size,
                               .address = kCode,
                               .memory_size = size + 2 * kPage,
                               .executable = true});
  return std::make_shared<const cw::ElfImage>(std::move(contents));
}

}  // namespace

// Whatever the code is, there are few sites, and all lie in it.
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto image = image_around(size);
  const cw::GoSites sites = cw::find_go_sites(
      *image, std::make_shared<const cw::Fd>(cw::file_in_memory(cw::fuzz::text_of(bytes, size))));
  if (sites.sites.empty() == sites.why_none.empty()) std::abort();
  if (sites.sites.size() > 16) std::abort();
  for (const cw::GoSite& site : sites.sites)
    if (site.file_offset >= size) std::abort();
  return 0;
}
