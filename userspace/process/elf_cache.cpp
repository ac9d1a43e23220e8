#include "process/elf_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "process/debug_files.h"

namespace cw {

std::optional<ElfKey> ElfCache::adopt(Fd file) {
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return std::nullopt;
  const ElfKey key{
      .device = status.st_dev,
      .inode = status.st_ino,
      .changed_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
      .size = static_cast<std::uint64_t>(status.st_size)};
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    uses_.push_front(key);
    entry.use = uses_.begin();
    entry.id = ++next_id_;
  }
  touch(entry);
  // An image in memory needs its file again only once it has been dropped.
  if (!entry.file && !entry.image && !entry.unreadable) {
    own(entry.file, std::move(file));
  }
  shrink(key);
  return key;
}

std::shared_ptr<const ElfImage> ElfCache::image(const ElfKey& key,
                                                const FindDebugFile& find_debug_file) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  touch(entry);
  const bool arrived = entry.image && entry.awaits_debug_file && entry.file &&
                       debuginfod_.has(entry.image->contents().build_id);
  if (arrived) {
    drop(entry);
    entry.id = ++next_id_;
  }
  if (entry.image || entry.unreadable || !entry.file) return entry.image;
  load(entry, find_debug_file);
  auto image = entry.image;
  shrink(key);
  return image;
}

void ElfCache::load(Entry& entry, const FindDebugFile& find_debug_file) {
  FindDebugFile find;
  if (find_debug_file) {
    find = [&](const ElfContents& contents) {
      DebugFile found = find_debug_file(contents);
      return found.file ? std::move(found) : ask_debuginfod(contents, entry);
    };
  }
  auto loaded = load_elf(entry.file.get(), find);
  if (!loaded) {
    entry.unreadable = true;
    close_files(entry);
    return;
  }
  keep(entry, std::move(loaded->image));
  own(entry.debug.file, std::move(loaded->debug.file));
  own(entry.debug.alternate, std::move(loaded->debug.alternate));
}

DebugFile ElfCache::ask_debuginfod(const ElfContents& contents, Entry& entry) {
  if (!debug_files_wanted()) return {};
  DebugFile found{.file = debuginfod_.find(contents.build_id), .alternate = {}};
  entry.awaits_debug_file = !found.file;
  if (found.file && !has_build_id(found.file.get(), contents.build_id)) return {};
  return found;
}

bool ElfCache::read(const ElfKey& key, std::uint64_t offset, std::span<std::byte> into) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.file) return false;
  return ::pread(found->second.file.get(), into.data(), into.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(into.size());
}

std::optional<SourceFrames> ElfCache::lines_at(const ElfKey& key, std::uint64_t vaddr) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.image) return SourceFrames();
  const Entry& entry = found->second;
  if (entry.debug.file)
    return line_reader_.at(entry.id, entry.debug.file.get(), entry.debug.alternate.get(), vaddr);
  if (!entry.file || !entry.image->has_lines()) return SourceFrames();
  return line_reader_.at(entry.id, entry.file.get(), -1, vaddr);
}

bool ElfCache::knows(const ElfKey& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return false;
  const Entry& entry = found->second;
  return entry.image || entry.unreadable || entry.file;
}

void ElfCache::touch(Entry& entry) {
  uses_.splice(uses_.begin(), uses_, entry.use);
}

void ElfCache::own(Fd& place, Fd file) {
  if (!file || place) return;
  place = std::move(file);
  ++open_;
}

void ElfCache::close_files(Entry& entry) {
  for (Fd* file : {&entry.file, &entry.debug.file, &entry.debug.alternate}) {
    if (!*file) continue;
    file->reset();
    --open_;
  }
}

void ElfCache::keep(Entry& entry, std::shared_ptr<const ElfImage> image) {
  const std::string& build_id = image->contents().build_id;
  if (!build_id.empty()) {
    if (by_build_id_.size() >= kMaxEntries)
      std::erase_if(by_build_id_, [](const auto& known) { return known.second.expired(); });
    std::weak_ptr<const ElfImage>& known = by_build_id_[build_id];
    const auto same = known.lock();
    // A build-id alone proves nothing here: a process must not choose the names of another one.
    if (same && same->contents() == image->contents())
      image = same;
    else
      known = image;
  }
  if (sharers_[image.get()]++ == 0) bytes_ += image->bytes();
  entry.image = std::move(image);
}

void ElfCache::drop(Entry& entry) {
  if (!entry.image) return;
  const auto sharers = sharers_.find(entry.image.get());
  if (--sharers->second == 0) {
    bytes_ -= entry.image->bytes();
    sharers_.erase(sharers);
  }
  entry.image.reset();
}

void ElfCache::shrink(const ElfKey& keep) {
  auto use = uses_.end();
  while (use != uses_.begin() && (bytes_ > max_bytes_ || open_ > max_open_)) {
    --use;
    if (*use == keep) continue;
    Entry& entry = entries_.at(*use);
    if (bytes_ > max_bytes_) drop(entry);
    if (open_ > max_open_) close_files(entry);
  }
  while (entries_.size() > kMaxEntries && uses_.back() != keep) {
    Entry& entry = entries_.at(uses_.back());
    close_files(entry);
    drop(entry);
    entries_.erase(uses_.back());
    uses_.pop_back();
  }
}

}  // namespace cw
