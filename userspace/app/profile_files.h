// The profiles that are written at the end: PREFIX.locks.folded and its like.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/settings.h"
#include "export/lock_profile.h"

namespace cw {

class ProfileFiles {
 public:
  // Opens the files now: they are there until the end, but empty. Errors: kFailed.
  static Result<ProfileFiles> open(const Settings& settings);
  void add(const Report& report);
  // Writes them all; the error is that of the first that failed. Errors: kFailed (full disk).
  Result<void> write();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
  };
  using Render = std::string (*)(const LockProfile&);
  struct File {
    std::string name;
    Render render;
    std::unique_ptr<std::FILE, Closer> stream;
  };

  std::vector<File> files_;
  LockProfile locks_;
};

}  // namespace cw
