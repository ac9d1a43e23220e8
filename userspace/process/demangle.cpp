#include "process/demangle.h"

// Otherwise libiberty declares a basename() that clashes with the one of <string.h>.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

#include <array>
#include <csetjmp>
#include <cstring>

namespace cw {
namespace {

// What a demangler has written so far. It must be plain memory: the way out of a demangler that
// writes too much is a longjmp, which runs no destructors.
struct Output {
  std::jmp_buf too_long;
  std::size_t length = 0;
  std::array<char, kMaxDemangled> text;
};

void append(const char* piece, std::size_t length, void* opaque) {
  if (length == 0) return;  // then `piece` may be null
  auto* output = static_cast<Output*>(opaque);
  // Both demanglers ignore what a callback would like to tell them, and their C code owns nothing
  // but stack here (a v0 Rust name with punycode: one small buffer, lost in this rare case).
  // NOLINTNEXTLINE(cert-err52-cpp,modernize-avoid-setjmp-longjmp)
  if (length > output->text.size() - output->length) std::longjmp(output->too_long, 1);
  std::memcpy(output->text.data() + output->length, piece, length);
  output->length += length;
}

using Demangler = bool (*)(const char* symbol, Output& output);

bool demangle_rust(const char* symbol, Output& output) {
  return rust_demangle_callback(symbol, 0, append, &output) != 0;
}

bool demangle_cpp(const char* symbol, Output& output) {
  // The demangler's own limit would refuse names above 1,024 characters, which templates exceed;
  // kMaxMangled bounds the recursion instead.
  constexpr int kOptions = DMGL_PARAMS | DMGL_ANSI | DMGL_TYPES | DMGL_NO_RECURSE_LIMIT;
  return cplus_demangle_v3_callback(symbol, kOptions, append, &output) != 0;
}

// Noinline, and with nothing in it that a longjmp could leave half done.
[[gnu::noinline]] bool run(Demangler demangler, const char* symbol, Output& output) {
  output.length = 0;
  // NOLINTNEXTLINE(cert-err52-cpp,modernize-avoid-setjmp-longjmp)
  if (setjmp(output.too_long) != 0) return false;
  return demangler(symbol, output);
}

std::string demangle_whole(std::string_view symbol) {
  symbol = without_version(symbol);
  if (symbol.size() > kMaxMangled) return std::string(symbol.substr(0, kMaxMangled));
  std::string mangled(symbol);  // ends with NUL, as the demanglers want it
  const bool cpp = symbol.starts_with("_Z");
  if (!cpp && !symbol.starts_with("_R")) return mangled;

  static thread_local Output output;
  // Legacy Rust names are valid C++ ones as well, ending in a hash: Rust has to be asked first.
  for (const Demangler demangler : {demangle_rust, demangle_cpp}) {
    if (demangler == demangle_cpp && !cpp) continue;
    if (run(demangler, mangled.c_str(), output) && output.length != 0)
      return {output.text.data(), output.length};
  }
  return mangled;
}

}  // namespace

std::string demangle(std::string_view symbol) {
  constexpr std::string_view kStub = "@plt";
  if (symbol.size() > kStub.size() && symbol.ends_with(kStub))
    return demangle_whole(symbol.substr(0, symbol.size() - kStub.size())).append(kStub);
  return demangle_whole(symbol);
}

}  // namespace cw
