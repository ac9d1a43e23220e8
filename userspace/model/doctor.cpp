#include "model/doctor.h"

namespace cw {

const char* name_of(CheckGroup group) {
  switch (group) {
    case CheckGroup::kRight:
      return "right";
    case CheckGroup::kKernel:
      return "kernel";
    case CheckGroup::kHook:
      return "hook";
    case CheckGroup::kProcess:
      return "process";
  }
  return "kernel";
}

}  // namespace cw
