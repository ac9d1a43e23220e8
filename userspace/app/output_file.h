// A file that reports or profiles are written to, or standard output.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "model/error.h"

namespace cw {

class OutputFile {
 public:
  // Made, or emptied. Errors: kFailed.
  static Result<OutputFile> open(const std::string& name);
  static OutputFile standard_output();
  // Flushed. Errors: kFailed (closed pipe, full disk).
  [[nodiscard]] Result<void> write(std::string_view text) const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdout) static_cast<void>(std::fclose(file));
    }
  };
  OutputFile(std::FILE* stream, std::string name) : stream_(stream), name_(std::move(name)) {}

  std::unique_ptr<std::FILE, Closer> stream_;
  std::string name_;  // as errors have it
};

}  // namespace cw
