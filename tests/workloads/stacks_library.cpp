// Loaded by stacks.cpp while it is watched.
extern "C" [[gnu::visibility("default"), gnu::noinline]] void through_library(void (*inner)()) {
  inner();
  asm volatile("" : : : "memory");  // not a jump instead of a call
}
