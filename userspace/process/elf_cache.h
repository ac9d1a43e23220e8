// ELF files that were opened and read, shared by all processes that map them and bounded in memory
// and descriptors. The file stays open as long as there is room, so that what a process mapped can
// be read after it ended, and after the file was replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/fd.h"
#include "process/debuginfod.h"
#include "process/elf_symbols.h"
#include "process/line_reader.h"

namespace cw {

// One content of one file. A file changed in place gets a new key by its time.
struct ElfKey {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t changed_ns = 0;  // st_mtim
  std::uint64_t size = 0;

  auto operator<=>(const ElfKey&) const = default;
};

class ElfCache {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{256}
                                           << 20;    // of symbols, all images together
  static constexpr std::size_t kMaxOpenFiles = 384;  // below the usual limit of 1,024
  static constexpr std::size_t kMaxEntries = 16384;

  explicit ElfCache(std::size_t max_bytes = kMaxBytes, std::size_t max_open = kMaxOpenFiles)
      : max_bytes_(max_bytes), max_open_(max_open) {}

  // Takes a regular file into the cache without reading it yet. Empty when it cannot be examined.
  std::optional<ElfKey> adopt(Fd file);

  // The file's contents, read now if they are not in memory, and then with the names of its debug
  // file. Null when the file is no good ELF file, or was forgotten and has to be adopted again: see
  // knows(). What debuginfod brings later is there when one asks again. Files with the same
  // build-id and contents (in many containers) share one image.
  std::shared_ptr<const ElfImage> image(const ElfKey& key,
                                        const FindDebugFile& find_debug_file = {});
  // The source of an instruction of an image() in memory, from its debug file or itself. Empty when
  // that takes longer than one may wait: ask again in a while. No frames when nothing is known.
  std::optional<SourceFrames> lines_at(const ElfKey& key, std::uint64_t vaddr);
  // Bytes of the file, while it is still open; false when they cannot be had.
  [[nodiscard]] bool read(const ElfKey& key, std::uint64_t offset, std::span<std::byte> into) const;
  // Whether image() can still answer for it without a new adopt().
  [[nodiscard]] bool knows(const ElfKey& key) const;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t open_files() const { return open_; }

 private:
  struct Entry {
    Fd file;
    DebugFile debug;
    std::uint64_t id = 0;  // for the line reader: a new one for every new entry
    std::shared_ptr<const ElfImage> image;
    bool unreadable = false;
    bool awaits_debug_file = false;  // asked debuginfod for it
    std::list<ElfKey>::iterator use;
  };

  void touch(Entry& entry);
  void own(Fd& place, Fd file);
  void close_files(Entry& entry);
  // Takes an equal image in memory instead of a second one.
  void keep(Entry& entry, std::shared_ptr<const ElfImage> image);
  void drop(Entry& entry);
  // Drops what was used longest ago, but never `keep`.
  void shrink(const ElfKey& keep);

  std::size_t max_bytes_;
  std::size_t max_open_;
  std::size_t bytes_ = 0;
  std::size_t open_ = 0;
  std::map<ElfKey, Entry> entries_;
  std::list<ElfKey> uses_;  // most recent first
  DebugFile ask_debuginfod(const ElfContents& contents, Entry& entry);
  void load(Entry& entry, const FindDebugFile& find_debug_file);

  Debuginfod debuginfod_;
  LineReader line_reader_;
  std::uint64_t next_id_ = 0;
  std::map<const ElfImage*, std::size_t> sharers_;  // entries with that image
  std::map<std::string, std::weak_ptr<const ElfImage>> by_build_id_;
};

}  // namespace cw
