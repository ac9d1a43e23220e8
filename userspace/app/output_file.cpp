#include "app/output_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace cw {
namespace {

std::unexpected<Error> cannot_write(const std::string& name) {
  return fail(Exit::kFailed, fmt::format("cannot write to {}: {}", name, std::strerror(errno)));
}

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& name) {
  OutputFile file(std::fopen(name.c_str(), "we"), name);
  if (!file.stream_) return cannot_write(name);
  return file;
}

OutputFile OutputFile::standard_output() {
  return {stdout, "standard output"};
}

Result<void> OutputFile::write(std::string_view text) const {
  std::FILE* const stream = stream_.get();
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() || std::fflush(stream) != 0)
    return cannot_write(name_);
  return {};
}

}  // namespace cw
