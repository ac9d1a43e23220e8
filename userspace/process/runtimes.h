// Which languages, C library and allocator a process uses, by its mapped files and the symbols of
// its program. What is linked statically and stripped may stay unseen.
#pragma once

#include <string>
#include <vector>

#include "process/process_symbols.h"

namespace cw {

struct Runtimes {
  std::vector<std::string>
      languages;  // ProcessSample::runtimes: "glibc 2.36", "C++", "CPython 3.11"
  std::vector<std::string> allocators;  // "jemalloc"; the C library when no other is found
};

// Whether a file is a Go program, or a library made of one.
bool is_go(const ElfImage& image);

// Reads files: call it once an image, and again when its maps have changed.
Runtimes runtimes_of(ProcessSymbols& symbols);

}  // namespace cw
