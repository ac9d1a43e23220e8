// A C program whose threads settle orders under one static mutex, each in its turn: who holds it
// sleeps, so that they queue however busy the machine is. For C libraries other than glibc, and for
// places where a program may not find much: it needs its C library alone.
//   settle [THREADS=4] [HOLD_US=300]
// ready: nothing. It works until its standard input is closed.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;
static useconds_t hold = 300;
static volatile unsigned long settled;

__attribute__((noinline)) void settle_order(void) {
  pthread_mutex_lock(&ledger);
  usleep(hold);
  settled = settled + 1;
  pthread_mutex_unlock(&ledger);
}

__attribute__((noinline)) void* settle_orders(void* none) {
  for (;;) settle_order();
  return none;
}

int main(int argc, char** argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 4;
  if (argc > 2) hold = (useconds_t)atoi(argv[2]);
  (void)puts("ready {}");
  (void)fflush(stdout);
  if (getchar() == EOF) return 0;
  for (int i = 0; i < threads; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, settle_orders, NULL) != 0) return 1;
  }
  while (getchar() != EOF) {
  }
  _exit(0);
}
