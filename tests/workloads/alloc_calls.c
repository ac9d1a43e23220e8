// Calls each of C's allocation functions a known number of times, so that what is counted at a
// probe can be held to it. In C, for libraries that have no C++; the protocol is workload.h's.
//   alloc_calls             in one thread; nothing else allocates between "go" and "done"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kBlocks = 200 };

struct Truth {
  unsigned long calls, bytes;
};
static struct Truth malloc_truth, calloc_truth, realloc_truth, aligned_truth, free_truth;

static void* volatile blocks[kBlocks];  // volatile: no call may be left out as useless

static void note(struct Truth* truth, size_t bytes) {
  truth->calls++;
  truth->bytes += bytes;
}

static void* new_block(int i) {
  const size_t size = 8 + (size_t)i * 40;  // small ones and large ones: fast and slow ways
  switch (i % 4) {
    case 0:
      note(&calloc_truth, size * 3);
      return calloc(3, size);
    case 1:
      note(&aligned_truth, size * 64);
      return aligned_alloc(64, size * 64);
    case 2:
      note(&realloc_truth, size);
      return realloc(NULL, size);
    default:
      note(&malloc_truth, size);
      return malloc(size);
  }
}

static void work(void) {
  for (int i = 0; i < kBlocks; ++i) blocks[i] = new_block(i);
  for (int i = 0; i < kBlocks; i += 2) {  // larger, so that most move, or smaller
    const size_t size = i % 3 == 0 ? 16 : 9000 + (size_t)i;
    note(&realloc_truth, size);
    blocks[i] = realloc(blocks[i], size);
  }
  for (int i = 0; i < kBlocks; ++i) {
    note(&free_truth, 0);
    free(blocks[i]);
    note(&malloc_truth, 1000);
    blocks[i] = malloc(1000);
  }
  for (int i = 0; i < kBlocks; ++i) {
    note(&free_truth, 0);
    free(blocks[i]);
    blocks[i] = NULL;
    if (i % 10 == 0) {
      note(&free_truth, 0);
      free(blocks[i]);
    }
  }
}

static void print(const char* name, struct Truth truth, const char* end) {
  printf("\"%s\": {\"calls\": %lu, \"bytes\": %lu}%s", name, truth.calls, truth.bytes, end);
}

int main(void) {
  char line[16];
  static char out[4096];
  static char in[64];
  setvbuf(stdout, out, _IOFBF, sizeof out);
  setvbuf(stdin, in, _IOFBF, sizeof in);
  printf("ready {}\n");
  fflush(stdout);
  if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "go\n") != 0) return 1;
  work();
  printf("done {");
  print("malloc", malloc_truth, ", ");
  print("calloc", calloc_truth, ", ");
  print("realloc", realloc_truth, ", ");
  print("aligned_alloc", aligned_truth, ", ");
  print("free", free_truth, "}\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
  }
  return 0;
}
