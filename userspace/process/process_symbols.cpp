#include "process/process_symbols.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "process/debug_files.h"
#include "process/demangle.h"
#include "process/mapped_file.h"
#include "process/memory_file.h"
#include "process/page.h"
#include "process/proc_files.h"
#include "process/vdso.h"

namespace cw {
namespace {

constexpr std::size_t kMaxFrames = 1 << 16;       // kept named; more start afresh
constexpr int kMaxModuleMappings = 64;            // looked back over to find a module's first one
constexpr std::string_view kGenerated = "[jit]";  // module of code that is not of a file
constexpr std::string_view kInterpreted = "[interpreted]";

// Functions that nothing calls, or only what nothing calls: of C libraries, their start files and
// dynamic linkers, and of Go's runtime (funcIDs that runtime/traceback.go takes for the top of a
// stack: a goroutine's, or the one of the thread that it switched to).
bool is_first_function(std::string_view name) {
  constexpr auto kFirst = std::to_array<std::string_view>(
      {"_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
       "start_thread", "thread_start", "clone", "clone3", "__clone", "__clone3", "_dl_start_user",
       "_start_c", "libc_start_main_stage2", "runtime.goexit", "runtime.mstart", "runtime.rt0_go",
       "_rt0_amd64_linux", "runtime.mcall", "runtime.morestack"});
  if (name.ends_with(".abi0")) name.remove_suffix(5);  // Go's assembly
  return std::ranges::find(kFirst, name) != kFirst.end();
}

// A lambda's call operator that was inlined has no linker's name, and its class has none at all.
std::string source_name(const SourceFrame& source) {
  return source.function == "operator()" ? "{lambda}::operator()" : demangle(source.function);
}

bool is_generated(const Frame& frame) {
  return frame.module == kGenerated || frame.module == kInterpreted;
}

}  // namespace

ProcessSymbols::ProcessSymbols(std::int32_t pid, ElfCache& cache)
    : pid_(pid), cache_(&cache), directory_(open_process(pid)) {
  map_ = MemoryMap::read(directory_.get());
  fingerprint_ = fingerprint_of(map_);
  last_reload_ = std::chrono::steady_clock::now();
  frozen_ = map_.empty();
  adopt_code_files();
}

bool ProcessSymbols::refresh() {
  if (frozen_) return false;
  MemoryMap now = MemoryMap::read(directory_.get());
  last_reload_ = std::chrono::steady_clock::now();
  if (now.empty() || fingerprint_of(now) != fingerprint_) {
    frozen_ = true;
    return false;
  }
  now.keep_past(map_);
  map_ = std::move(now);
  frames_.clear();
  if (generated_read_) read_generated();
  stack_pointers_.reset();
  adopt_code_files();
  return true;
}

ProcessSymbols::Fingerprint ProcessSymbols::fingerprint_of(const MemoryMap& map) const {
  Fingerprint print;
  struct stat status{};
  if (::fstatat(directory_.get(), "exe", &status, 0) == 0) {
    print.exe_device = status.st_dev;
    print.exe_inode = status.st_ino;
  }
  for (const Mapping& mapping : map.mappings()) {
    if (mapping.path == "[stack]") print.stack_end = mapping.end;
    if (mapping.path == "[vdso]") print.vdso_start = mapping.start;
  }
  return print;
}

void ProcessSymbols::adopt_code_files() {
  for (const Mapping& mapping : map_.mappings()) {
    if (mapping.executable && mapping.of_file() && !mapping.past) key_of(mapping);
  }
}

std::optional<ElfKey> ProcessSymbols::key_of(const Mapping& mapping) {
  const FileId id{mapping.device_major, mapping.device_minor, mapping.inode};
  const auto known = files_.find(id);
  if (known != files_.end() && cache_->knows(known->second)) return known->second;
  const auto key = cache_->adopt(open_mapped_file(directory_.get(), mapping));
  if (key) files_.insert_or_assign(id, *key);
  return key;
}

std::shared_ptr<const ElfImage> ProcessSymbols::image_of(const Mapping& mapping) {
  if (!mapping.of_file()) return nullptr;
  const auto key = key_of(mapping);
  if (!key) return nullptr;
  return cache_->image(*key, [this, &mapping](const ElfContents& contents) {
    if (!debug_files_wanted()) return DebugFile();
    const Fd root(::openat(directory_.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::string directory = path_in_root(directory_.get(), mapping);
    directory.resize(directory.rfind('/') == std::string::npos ? 0 : directory.rfind('/'));
    return find_debug_file(contents, {.root = root.get(), .directory = directory});
  });
}

std::optional<std::uint64_t> ProcessSymbols::load_bias(const Mapping& mapping,
                                                       const ElfImage& image) const {
  // The mapping of the file's beginning is the module's first one. The offset of a later one may
  // fit two segments, because neighbours share a page of the file.
  const Mapping* first = mapping.offset == 0 ? &mapping : nullptr;
  const Mapping* here = &mapping;
  for (int i = 0; i < kMaxModuleMappings; ++i) {
    here = map_.before(*here);
    if (here == nullptr) break;
    if (!here->same_file(mapping)) continue;
    if (first != nullptr && (here->offset != 0 || here->end != first->start)) break;
    if (here->offset == 0) first = here;
  }
  const auto& segments = image.contents().segments;
  const bool begins_mapped = std::ranges::any_of(segments, [&image](const ElfSegment& segment) {
    return page_of(segment.offset) == 0 && page_of(segment.address) == image.first_page();
  });
  if (first != nullptr && begins_mapped) return first->start - image.first_page();
  for (const ElfSegment& segment : segments) {
    if (page_of(segment.offset) == mapping.offset && segment.writable == mapping.writable)
      return mapping.start - page_of(segment.address);
  }
  return std::nullopt;
}

const Mapping* ProcessSymbols::find_or_reload(std::uint64_t address) {
  const Mapping* mapping = map_.find(address);
  if (mapping != nullptr || frozen_) return mapping;
  if (std::chrono::steady_clock::now() - last_reload_ < kReloadPause) return nullptr;
  return refresh() ? map_.find(address) : nullptr;
}

std::shared_ptr<const ElfImage> ProcessSymbols::vdso() {
  if (!vdso_) {
    const auto bytes = read_vdso(directory_.get(), map_);
    const Fd file = file_in_memory({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    auto loaded = load_elf(file.get());
    vdso_ = loaded ? std::move(loaded->image) : nullptr;
  }
  return *vdso_;
}

void ProcessSymbols::name_by_file(const Mapping& mapping, std::uint64_t address, std::uint64_t back,
                                  NamedFrame& named) {
  const bool is_vdso = mapping.path == "[vdso]";
  named.frame.module = file_name_of(mapping.path);
  named.frame.offset = address - mapping.start + mapping.offset;
  const auto image = is_vdso ? vdso() : image_of(mapping);
  if (!image) return;
  named.frame.build_id = image->contents().build_id;
  const auto vaddr = image->code_address(address - back - mapping.start + mapping.offset);
  if (!vaddr) return;
  if (!is_vdso) named.file = key_of(mapping);
  named.vaddr = *vaddr;
  named.frame.offset = *vaddr + back;
  named.outermost = back != 0 && image->is_outermost(*vaddr + back);
  const ElfSymbol* symbol = image->function_at(*vaddr);
  if (symbol == nullptr) return;
  const std::string_view name = image->name_of(*symbol);
  named.frame.function = demangle(name);
  named.frame.offset = *vaddr + back - symbol->address;
  named.outermost = named.outermost || is_first_function(named.frame.function);
}

void ProcessSymbols::name_generated(std::uint64_t address, std::uint64_t back, NamedFrame& named) {
  const auto now = std::chrono::steady_clock::now();
  auto function = generated_.at(address - back);
  if (!function && !frozen_ && (!generated_read_ || now - *generated_read_ >= kReloadPause)) {
    read_generated();
    function = generated_.at(address - back);
  }
  if (!function) {
    name_java(address - back, named);
    named.frame.offset += back;
    return;
  }
  const ScriptPlace place = script_place(function->name);
  named.frame.function = place.function;
  if (!place.file.empty()) named.frame.file = place.file;
  if (place.line != 0) named.frame.line = place.line;
  named.frame.offset = function->offset + back;
}

void ProcessSymbols::read_generated() {
  generated_read_ = std::chrono::steady_clock::now();
  generated_.refresh(directory_.get(), pid_);
  if (const HotspotCode* java = java_.in(directory_.get(), map_)) java_pieces_ = java->pieces();
}

void ProcessSymbols::name_java(std::uint64_t address, NamedFrame& named) {
  const HotspotCode* const java = java_.found();
  if (java == nullptr) return;
  const auto above =
      std::ranges::upper_bound(java_pieces_, address, {}, &HotspotCode::Piece::start);
  if (above == java_pieces_.begin() || address >= std::prev(above)->end) return;
  named.frame.function = java->name_of(*std::prev(above));
  if (!named.frame.function.empty()) named.frame.offset = address - std::prev(above)->start;
}

ProcessSymbols::NamedFrame& ProcessSymbols::named_method(std::uint64_t method) {
  const auto known = frames_.find(method * 2);
  if (known != frames_.end()) return known->second;
  if (!generated_read_ && !frozen_) read_generated();
  NamedFrame named;
  named.in_code = true;
  named.frame.module = kInterpreted;
  if (const HotspotCode* java = java_.found()) named.frame.function = java->name_of_method(method);
  if (frames_.size() >= kMaxFrames) frames_.clear();
  return frames_.insert_or_assign(method * 2, std::move(named)).first->second;
}

ProcessSymbols::NamedFrame ProcessSymbols::make_frame(std::uint64_t address,
                                                      bool is_return_address) {
  NamedFrame named;
  named.frame.offset = address;
  const std::uint64_t back = is_return_address && address != 0 ? 1 : 0;
  const Mapping* mapping = find_or_reload(address - back);
  if (mapping == nullptr || !mapping->executable) return named;
  named.in_code = true;
  if (mapping->of_file() || mapping->path == "[vdso]") {
    name_by_file(*mapping, address, back, named);
  } else if (mapping->path.starts_with("[v")) {  // [vsyscall]
    named.frame.module = mapping->path;
    named.frame.offset = address - mapping->start;
  } else {
    named.frame.module = kGenerated;
  }
  // Some runtimes write their code through a file in memory that they map twice.
  if (named.frame.function.empty() && !named.file && mapping->path != "[vdso]")
    name_generated(address, back, named);
  return named;
}

ProcessSymbols::NamedFrame& ProcessSymbols::named_frame(std::uint64_t address,
                                                        bool is_return_address) {
  const std::uint64_t key = address * 2 + (is_return_address ? 1 : 0);
  const auto known = frames_.find(key);
  if (known != frames_.end()) return known->second;
  NamedFrame named = make_frame(address, is_return_address);  // may clear frames_
  if (frames_.size() >= kMaxFrames) frames_.clear();
  return frames_.insert_or_assign(key, std::move(named)).first->second;
}

Frame ProcessSymbols::frame_at(std::uint64_t address, bool is_return_address) {
  return named_frame(address, is_return_address).frame;
}

// The function that the call before `return_address` goes to, if it is a direct one
// (CALL rel32, opcode E8: Intel SDM volume 2).
ProcessSymbols::Callee ProcessSymbols::read_callee(std::uint64_t return_address) {
  constexpr std::size_t kCallBytes = 5;
  const Mapping* mapping = map_.find(return_address - 1);
  if (mapping == nullptr || !mapping->executable || !mapping->of_file()) return {};
  if (return_address - mapping->start < kCallBytes) return {};
  const auto key = key_of(*mapping);
  std::array<std::byte, kCallBytes> code{};
  const std::uint64_t offset = return_address - kCallBytes - mapping->start + mapping->offset;
  if (!key || !cache_->read(*key, offset, code) || code[0] != std::byte{0xe8}) return {};
  std::int32_t distance = 0;
  std::memcpy(&distance, code.data() + 1, sizeof(distance));
  const std::uint64_t target = return_address + static_cast<std::uint64_t>(std::int64_t{distance});
  const NamedFrame& callee = named_frame(target, false);
  if (!callee.in_code || callee.frame.function.empty() || callee.frame.offset != 0) return {};
  if (callee.frame.function.ends_with("@plt")) return {};  // where it leads is not known
  Callee known{.address = target, .frame = callee.frame};
  known.frame.inferred = true;
  return known;
}

const ProcessSymbols::Callee& ProcessSymbols::callee_before(std::uint64_t return_address) {
  if (const auto& known = named_frame(return_address, true).callee) return *known;
  Callee callee = read_callee(return_address);  // may clear frames_
  return named_frame(return_address, true).callee.emplace(std::move(callee));
}

std::vector<Frame> ProcessSymbols::with_lines(NamedFrame& named) {
  if (!named.source && named.file) named.source = cache_->lines_at(*named.file, named.vaddr);
  if (!named.source || named.source->empty()) return {named.frame};
  std::vector<Frame> frames;
  for (const SourceFrame& source : *named.source) {
    Frame& frame = frames.emplace_back(named.frame);
    if (!source.file.empty()) frame.file = source.file;
    if (source.line != 0) frame.line = source.line;
    frame.inlined = &source != &named.source->back();
    // The symbol table's name for the function itself: it is what other tools show.
    if (frame.inlined || frame.function.empty()) frame.function = source_name(source);
  }
  return frames;
}

Stack ProcessSymbols::symbolize(const WalkedStack& walked, Detail detail) {
  Stack stack;
  stack.complete = walked.outermost && !walked.frames.empty();
  bool outermost = false;
  std::uint64_t inside = 0;  // where the function of the frame before begins
  for (std::size_t i = 0; i < walked.frames.size(); ++i) {
    const WalkedFrame& frame = walked.frames[i];
    NamedFrame& named =
        frame.method ? named_method(frame.address) : named_frame(frame.address, !frame.exact);
    if (!named.in_code) {
      stack.complete = stack.complete && frame.address == 0;
      break;
    }
    outermost = named.outermost;
    auto frames = detail == Detail::kLines ? with_lines(named) : std::vector{named.frame};
    for (Frame& of_one : frames) of_one.guessed = frame.guessed;
    const std::uint64_t function = frame.method ? 0 : named.function_at(frame.address);
    // Frame pointers skip the caller of the innermost frame only: a library's without a frame.
    if (!frame.method && !frame.exact && (frame.guessed ? i == 1 : inside != 0))
      if (const Callee& callee = callee_before(frame.address);
          callee.address != 0 && callee.address != inside)
        stack.frames.push_back(callee.frame);
    inside = function;
    std::ranges::move(frames, std::back_inserter(stack.frames));
  }
  // Code made at run time begins no thread: the walk was led astray there.
  if (!stack.frames.empty() && is_generated(stack.frames.back())) stack.complete = false;
  stack.complete = stack.complete || outermost;
  return stack;
}

}  // namespace cw
