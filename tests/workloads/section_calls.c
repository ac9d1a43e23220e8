/*
 * The functions of a C library that take locks, one after the other, by several threads; for any C
 * library.
 *   section_calls [SECONDS=2]
 * ready: pid
 * done:  elapsed_ns, locks[{way, address, acquisitions, per_s}]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 3, kHoldNs = 8000 };

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_mutex_t tried = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static atomic_ulong taken_plain, taken_recursive, taken_tried, taken_shared;
static atomic_int stop;

static unsigned long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (unsigned long)now.tv_sec * 1000000000UL + (unsigned long)now.tv_nsec;
}

static void burn(void) {
  const unsigned long until = now_ns() + kHoldNs;
  while (now_ns() < until) {
  }
}

static void pause_us(unsigned us) {
  const struct timespec time = {0, (long)us * 1000};
  nanosleep(&time, NULL);
}

static void* work(void* seed) {
  unsigned long round = (unsigned long)seed;
  while (!stop) {
    pthread_mutex_lock(&plain);
    burn();
    ++taken_plain;
    pthread_mutex_unlock(&plain);

    pthread_mutex_lock(&recursive);
    pthread_mutex_lock(&recursive);
    burn();
    ++taken_recursive;
    pthread_mutex_unlock(&recursive);
    pthread_mutex_unlock(&recursive);

    if (pthread_mutex_trylock(&tried) == 0) {
      burn();
      ++taken_tried;
      pthread_mutex_unlock(&tried);
    }

    if (round % 4 == 0)
      pthread_rwlock_wrlock(&shared);
    else
      pthread_rwlock_rdlock(&shared);
    burn();
    ++taken_shared;
    pthread_rwlock_unlock(&shared);
    ++round;
    pause_us(50 + (unsigned)(round * 7919 % 100));
  }
  return NULL;
}

static void row(const char* way, const void* address, unsigned long count, unsigned long elapsed,
                const char* end) {
  printf("{\"way\":\"%s\",\"address\":\"%p\",\"acquisitions\":%lu,\"per_s\":%.0f}%s", way, address,
         count, (double)count * 1e9 / (double)elapsed, end);
}

int main(int argc, char** argv) {
  const unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 2;
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&recursive, &kind);
  printf("ready {\"pid\":%d}\n", (int)getpid());
  fflush(stdout);
  if (getchar() == EOF) return 0;

  pthread_t threads[kThreads];
  const unsigned long begin = now_ns();
  for (unsigned long i = 0; i < kThreads; ++i)
    if (pthread_create(&threads[i], NULL, work, (void*)(i + 1)) != 0) return 1;
  sleep(seconds);
  stop = 1;
  const unsigned long elapsed = now_ns() - begin;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);

  printf("done {\"elapsed_ns\":%lu,\"locks\":[", elapsed);
  row("plain", &plain, taken_plain, elapsed, ",");
  row("recursive", &recursive, taken_recursive, elapsed, ",");
  row("tried", &tried, taken_tried, elapsed, ",");
  row("shared", &shared, taken_shared, elapsed, "]}\n");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return 0;
}
