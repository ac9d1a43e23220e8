// A control group of a test's own; gone with the test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cw::test {

class ControlGroup {
 public:
  // Below a directory where a hierarchy is mounted.
  explicit ControlGroup(const std::string& parent);
  // One whose processes together may use so much memory.
  static ControlGroup with_memory(std::uint64_t bytes);
  ControlGroup(ControlGroup&& other) noexcept;
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  ~ControlGroup();

  void add(int pid) const;
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

// Where hierarchies are mounted: version 2, and one of version 1, where there are any.
std::vector<std::string> hierarchies();

}  // namespace cw::test
