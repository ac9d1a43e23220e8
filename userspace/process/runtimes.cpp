#include "process/runtimes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "process/mapped_file.h"
#include "process/proc_files.h"

namespace cw {
namespace {

constexpr std::size_t kMaxReadOnly = std::size_t{16} << 20;  // of a file's .rodata looked through

void add(std::vector<std::string>& list, std::string_view name) {
  if (std::ranges::find(list, name) == list.end()) list.emplace_back(name);
}

// The leading part of `text` that is a version number.
std::string_view version_in(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789.");
  text = text.substr(0, end);
  while (text.ends_with('.')) text.remove_suffix(1);
  return text;
}

std::string with_version(std::string name, std::string_view version) {
  constexpr std::size_t kMaxVersion = 16;
  version = version_in(version.substr(0, kMaxVersion));
  if (!version.empty()) name.append(" ").append(version);
  return name;
}

std::string read_only_text(const ProcessSymbols& symbols, const Mapping& mapping,
                           const ElfImage& image) {
  const ElfSection* section = image.section_named(".rodata");
  if (section == nullptr || !section->in_file) return {};
  const Fd file = open_mapped_file(symbols.directory(), mapping);
  if (!file) return {};
  std::string text(std::min<std::uint64_t>(section->size, kMaxReadOnly), '\0');
  text.resize(read_at(file.get(), section->offset, text));
  return text;
}

// "GNU C Library (Debian GLIBC 2.36-9+deb12u13) stable release version 2.36.\n"
std::optional<std::string> glibc_in(std::string_view text) {
  constexpr std::string_view kBanner = "GNU C Library";
  constexpr std::string_view kVersion = "release version ";
  const auto banner = text.find(kBanner);
  if (banner == std::string_view::npos) return std::nullopt;
  text = text.substr(banner, 256);
  const auto version = text.find(kVersion);
  if (version == std::string_view::npos) return std::nullopt;
  return with_version("glibc", text.substr(version + kVersion.size()));
}

struct Sign {
  std::string_view part;  // of a file's name, a symbol or a text
  std::string_view name;
};

constexpr std::array kAllocatorFiles = {Sign{"libjemalloc", "jemalloc"},
                                        Sign{"libmimalloc", "mimalloc"},
                                        Sign{"libtcmalloc", "tcmalloc"}};
constexpr std::array kAllocatorSymbols = {
    Sign{"je_malloc", "jemalloc"}, Sign{"je_arena_", "jemalloc"},
    Sign{"_rjem_", "jemalloc"},    Sign{"mi_malloc", "mimalloc"},
    Sign{"tc_malloc", "tcmalloc"}, Sign{"TCMallocInternal", "tcmalloc"}};
constexpr std::array kAllocatorTexts = {Sign{"<jemalloc>: ", "jemalloc"},
                                        Sign{"mimalloc: ", "mimalloc"}};
constexpr std::array kLanguageFiles = {Sign{"libstdc++.so", "C++"}, Sign{"libc++.so", "C++"},
                                       Sign{"libjvm.so", "JVM"}, Sign{"libnode.so", "node"},
                                       Sign{"ld-musl-", "musl"}};
constexpr std::array kLanguageSymbols = {Sign{"_ZSt", "C++"},
                                         Sign{"_ZNSt", "C++"},
                                         Sign{"rust_eh_personality", "Rust"},
                                         Sign{"__rust_alloc", "Rust"},
                                         Sign{"_ZN4node5Start", "node"},
                                         Sign{"__init_libc", "musl"}};

// "libpython3.11.so.1.0", "python3.11"
void see_python(std::string_view name, Runtimes& found) {
  for (const std::string_view prefix : {"libpython", "python"}) {
    if (!name.starts_with(prefix)) continue;
    const auto version = name.substr(prefix.size());
    if (!version.starts_with('2') && !version.starts_with('3')) continue;
    add(found.languages, with_version("CPython", version));
    return;
  }
}

void see_file(std::string_view name, Runtimes& found) {
  for (const Sign& sign : kLanguageFiles) {
    if (name.starts_with(sign.part)) add(found.languages, sign.name);
  }
  for (const Sign& sign : kAllocatorFiles) {
    if (name.starts_with(sign.part)) add(found.allocators, sign.name);
  }
  if (name == "node" || name == "nodejs") add(found.languages, "node");
  see_python(name, found);
}

void see_program(const ElfImage& image, std::string_view read_only, Runtimes& found) {
  for (const Sign& sign : kLanguageSymbols) {
    if (image.any_name_holds(sign.part)) add(found.languages, sign.name);
  }
  for (const Sign& sign : kAllocatorSymbols) {
    if (image.any_name_holds(sign.part)) add(found.allocators, sign.name);
  }
  // Messages are the weaker sign (a program that looks for them holds them, too): only for
  // programs without names.
  const bool stripped = image.section_named(".symtab") == nullptr;
  for (const Sign& sign : kAllocatorTexts) {
    if (stripped && read_only.contains(sign.part)) add(found.allocators, sign.name);
  }
  if (image.contents().comment.contains("rustc version")) add(found.languages, "Rust");
  if (is_go(image)) add(found.languages, "Go");
}

bool is_glibc(std::string_view name) {
  return name == "libc.so.6" || (name.starts_with("libc-2.") && name.ends_with(".so"));
}

}  // namespace

bool is_go(const ElfImage& image) {
  return image.section_named(".go.buildinfo") != nullptr ||
         image.section_named(".gopclntab") != nullptr;
}

Runtimes runtimes_of(ProcessSymbols& symbols) {
  Runtimes found;
  std::optional<std::string> glibc;
  const std::string exe = read_link(symbols.directory(), "exe");
  const auto exe_path = std::string_view(exe).substr(0, exe.find(" (deleted)"));
  bool program_seen = false;
  for (const Mapping& mapping : symbols.memory_map().mappings()) {
    if (!mapping.executable || !mapping.of_file() || mapping.past) continue;
    const auto name = file_name_of(mapping.path);
    see_file(name, found);
    const bool is_program = !program_seen && mapping.path == exe_path;
    if (!is_program && !is_glibc(name)) continue;
    const auto image = symbols.image_of(mapping);
    if (!image) continue;
    const std::string read_only = read_only_text(symbols, mapping, *image);
    if (is_program) see_program(*image, read_only, found);
    program_seen = program_seen || is_program;
    const bool is_static = is_program && image->contents().needed.empty();
    if (!glibc && (is_static || is_glibc(name))) glibc = glibc_in(read_only);
  }
  // Whatever else there is tells more: Java's and JavaScript's machines are written in C++, too.
  if (std::erase(found.languages, "C++") != 0) found.languages.emplace_back("C++");
  if (glibc) add(found.languages, *glibc);
  if (glibc && found.allocators.empty()) found.allocators.push_back(*glibc);
  return found;
}

}  // namespace cw
