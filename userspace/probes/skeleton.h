// Owns a skeleton that bpftool made: destroyed, and with it every hook, when it goes out of scope.
#pragma once

#include <memory>

namespace cw {

template <typename T>
struct SkeletonDeleter {
  void operator()(T* skeleton) const { T::destroy(skeleton); }
};

template <typename T>
using Skeleton = std::unique_ptr<T, SkeletonDeleter<T>>;

}  // namespace cw
