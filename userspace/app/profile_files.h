// The profiles that are written at the end: PREFIX.locks.folded, PREFIX.alloc.folded and their
// like.
#pragma once

#include <string>
#include <vector>

#include "app/output_file.h"
#include "app/settings.h"
#include "export/profile.h"

namespace cw {

class ProfileFiles {
 public:
  // Opens the files now: they are there until the end, but empty. Errors: kFailed.
  static Result<ProfileFiles> open(const Settings& settings);
  [[nodiscard]] bool empty() const { return files_.empty(); }
  void add(const Report& report);
  // Writes them all; the error is that of the first that failed. Errors: kFailed (full disk).
  Result<void> write();

 private:
  using Render = std::string (*)(const Profile&);
  struct Written {
    Render render;
    ProfileOf what;
    OutputFile file;
  };
  [[nodiscard]] const Profile& profile(ProfileOf what) const {
    return what == ProfileOf::kLocks ? locks_ : allocations_;
  }

  std::vector<Written> files_;
  Profile locks_;
  Profile allocations_{ProfileOf::kAllocations};
};

}  // namespace cw
