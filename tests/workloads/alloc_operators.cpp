// Calls C++'s operators new and delete a known number of times, each kind: plain, aligned, without
// exceptions, sized. The protocol is workload.h's, by system calls: nothing else may allocate.
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <new>
#include <string_view>

namespace {

constexpr std::size_t kBlocks = 300;

struct Truth {
  unsigned long calls = 0;
  unsigned long bytes = 0;

  void note(std::size_t size) {
    ++calls;
    bytes += size;
  }
};
Truth allocated;
Truth freed;

std::array<void*, kBlocks> blocks;

void* new_block(std::size_t i, std::size_t size) {
  allocated.note(size);
  switch (i % 4) {
    case 0:
      return ::operator new(size);
    case 1:
      return ::operator new[](size);
    case 2:
      return ::operator new(size, std::nothrow);
    default:
      return ::operator new(size, std::align_val_t{64});
  }
}

void delete_block(std::size_t i, std::size_t size) {
  freed.note(0);
  switch (i % 4) {
    case 0:
      ::operator delete(blocks[i]);
      break;
    case 1:
      ::operator delete[](blocks[i], size);
      break;
    case 2:
      ::operator delete(blocks[i], size);
      break;
    default:
      ::operator delete(blocks[i], size, std::align_val_t{64});
  }
}

std::size_t size_of(std::size_t i) {
  return 64 * (1 + i);
}

bool say(std::string_view line) {
  return ::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace

int main() {
  std::array<char, 16> line{};
  if (!say("ready {}\n") || ::read(STDIN_FILENO, line.data(), line.size()) != 3) return 1;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < kBlocks; ++i) blocks[i] = new_block(i, size_of(i));
    for (std::size_t i = 0; i < kBlocks; ++i) delete_block(i, size_of(i));
  }
  std::array<char, 256> done{};
  const int length = std::snprintf(
      done.data(), done.size(),
      "done {\"allocated\": {\"calls\": %lu, \"bytes\": %lu}, \"freed\": {\"calls\": %lu}}\n",
      allocated.calls, allocated.bytes, freed.calls);
  if (!say({done.data(), static_cast<std::size_t>(length)})) return 1;
  return ::read(STDIN_FILENO, line.data(), line.size()) == 0 ? 0 : 1;
}
