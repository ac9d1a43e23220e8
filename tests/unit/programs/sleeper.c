// Says where one of its functions is, and where the kernel mapped its vDSO, and sleeps.
#include <stdint.h>
#include <sys/auxv.h>
#include <unistd.h>

volatile int orders_settled;

__attribute__((noinline)) void settle_orders(void) {
  orders_settled++;
}

int main(void) {
  settle_orders();
  const uint64_t places[2] = {(uint64_t)(uintptr_t)&settle_orders, getauxval(AT_SYSINFO_EHDR)};
  if (write(1, places, sizeof places) != sizeof places) return 1;
  for (;;) pause();
}
