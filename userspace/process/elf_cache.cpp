#include "process/elf_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

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
  }
  touch(entry);
  // An image in memory needs its file again only once it has been dropped.
  if (!entry.file && !entry.image && !entry.unreadable) {
    entry.file = std::move(file);
    ++open_;
  }
  shrink(key);
  return key;
}

std::shared_ptr<const ElfImage> ElfCache::image(const ElfKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  touch(entry);
  if (entry.image || entry.unreadable || !entry.file) return entry.image;
  if (auto loaded = load_elf(entry.file.get())) {
    entry.image = *std::move(loaded);
    bytes_ += entry.image->bytes();
  } else {
    entry.unreadable = true;
    close_file(entry);
  }
  auto image = entry.image;
  shrink(key);
  return image;
}

bool ElfCache::read(const ElfKey& key, std::uint64_t offset, std::span<std::byte> into) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.file) return false;
  return ::pread(found->second.file.get(), into.data(), into.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(into.size());
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

void ElfCache::close_file(Entry& entry) {
  if (!entry.file) return;
  entry.file.reset();
  --open_;
}

void ElfCache::shrink(const ElfKey& keep) {
  auto use = uses_.end();
  while (use != uses_.begin() && (bytes_ > max_bytes_ || open_ > max_open_)) {
    --use;
    if (*use == keep) continue;
    Entry& entry = entries_.at(*use);
    if (bytes_ > max_bytes_ && entry.image) {
      bytes_ -= entry.image->bytes();
      entry.image.reset();
    }
    if (open_ > max_open_) close_file(entry);
  }
  while (entries_.size() > kMaxEntries && uses_.back() != keep) {
    Entry& entry = entries_.at(uses_.back());
    close_file(entry);
    if (entry.image) bytes_ -= entry.image->bytes();
    entries_.erase(uses_.back());
    uses_.pop_back();
  }
}

}  // namespace cw
