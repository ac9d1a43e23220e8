// Files that are nowhere but in memory, for libraries that read files.
#pragma once

#include <string_view>

#include "model/fd.h"

namespace cw {

// `bytes` as a file of our own (memfd_create(2)), which nobody else can change; empty when there is
// no memory for it.
Fd file_in_memory(std::string_view bytes);

}  // namespace cw
