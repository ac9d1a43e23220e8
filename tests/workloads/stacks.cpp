// Threads that wait in known places, built as distributions build: optimised, without frame
// pointers.
//   stacks [WHERE=chain] [DEPTH=0]
// WHERE: chain (first -> second -> third -> wait), deep (DEPTH frames more), signal (in a handler
// on
//        a stack of its own), jit (through code made at run time), library (a library loaded after
//        the start: LIBRARY in place of DEPTH), callback (through qsort() of the C library).
// After `go` a thread waits again and again for 1 ms on a word nobody wakes.
// ready: pid, tid
// The workload ends when its standard input is closed.

#include <dlfcn.h>
#include <sys/mman.h>

#include <csignal>
#include <cstring>

#include "workload.h"

namespace {

workload::Word word{0};
uint64_t extra_depth = 0;
std::string library;

#define NOT_A_JUMP asm volatile("" : : : "memory")

void wait_a_little() {
  const timespec timeout = workload::as_timespec(1'000'000);
  workload::futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &timeout);
}

}  // namespace

// With external names, so that tests find them.
extern "C" {

[[gnu::noinline]] void third() {
  wait_a_little();
  NOT_A_JUMP;
}

[[gnu::noinline]] void second(uint64_t salt) {
  // A frame whose size the compiler cannot know: its CFA hangs on the frame pointer.
  auto* room = static_cast<volatile char*>(__builtin_alloca(64 + salt % 512));
  room[0] = 1;
  third();
  NOT_A_JUMP;
}

[[gnu::noinline]] void first(uint64_t salt) {
  // Aligned more than the stack is: gcc's expression for the CFA.
  alignas(64) std::array<char, 64> aligned;
  asm volatile("" : : "r"(aligned.data()) : "memory");
  second(salt);
  NOT_A_JUMP;
}

// NOLINTNEXTLINE(misc-no-recursion)
[[gnu::noinline]] void deeper(uint64_t left) {
  if (left == 0)
    third();
  else
    deeper(left - 1);
  NOT_A_JUMP;
}

[[gnu::noinline]] void on_signal(int /*number*/) {
  third();
  NOT_A_JUMP;
}

[[gnu::noinline]] int compare(const void* /*a*/, const void* /*b*/) {
  third();
  NOT_A_JUMP;
  return 0;
}

[[gnu::noinline]] void raise_here() {
  (void)raise(SIGUSR1);
  NOT_A_JUMP;
}
}

namespace {

void handle_signals() {
  static std::array<char, 65536> room;
  const stack_t stack{.ss_sp = room.data(), .ss_flags = 0, .ss_size = room.size()};
  sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
}

// push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret: code that no file describes.
using Trampoline = void (*)(void (*)());
Trampoline make_trampoline() {
  constexpr std::array<unsigned char, 8> kCode = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
  void* page =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memcpy(page, kCode.data(), kCode.size());
  return reinterpret_cast<Trampoline>(page);
}

using Through = void (*)(void (*)());
Through load_library() {
  void* loaded = dlopen(library.c_str(), RTLD_NOW);
  if (loaded == nullptr) workload::usage(dlerror());
  return reinterpret_cast<Through>(dlsym(loaded, "through_library"));
}

void work(const std::string& where) {
  handle_signals();
  const Trampoline trampoline = where == "jit" ? make_trampoline() : nullptr;
  const Through through = where == "library" ? load_library() : nullptr;
  for (uint64_t round = 0;; ++round) {
    std::array<int, 2> values{1, 2};
    if (where == "chain") first(round);
    if (where == "deep") deeper(extra_depth);
    if (where == "signal") raise_here();
    if (trampoline != nullptr) trampoline(third);
    if (through != nullptr) through(third);
    if (where == "callback") qsort(values.data(), values.size(), sizeof(int), compare);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const workload::Arguments arguments{argc, argv};
  const std::string where = arguments.text(1, "chain");
  if (where == "library")
    library = arguments.text(2, "");
  else
    extra_depth = arguments.number(2, 0);
  workload::Crew crew(1, [&](unsigned) { work(where); });
  workload::ready_then_go(
      workload::Json().number("pid", static_cast<uint64_t>(getpid())).numbers("tids", crew.tids()));
  crew.go();
  char none = 0;
  while (read(STDIN_FILENO, &none, 1) > 0) {
  }
  _exit(0);
}
