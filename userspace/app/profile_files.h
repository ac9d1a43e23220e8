// The profiles that are written at the end: PREFIX.locks.folded and its like.
#pragma once

#include <string>
#include <vector>

#include "app/output_file.h"
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
  using Render = std::string (*)(const LockProfile&);
  struct Profile {
    Render render;
    OutputFile file;
  };

  std::vector<Profile> files_;
  LockProfile locks_;
};

}  // namespace cw
