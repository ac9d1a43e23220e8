// A Java program whose threads wait for each other, as its argument says; who holds a lock works, so
// that its methods are compiled.
//   Orders monitor|lock|interpreted|idle
// ready: nothing. It works until its standard input is closed.
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;

public class Orders {
  static final Object LEDGER = new Object();
  static final ReentrantLock STOCK = new ReentrantLock();
  static volatile long total;

  static void work(int rounds) {
    long sum = 0;
    for (int i = 0; i < rounds; i++) sum = sum * 31 + i;
    total += sum;
  }

  static void settleOrder() {
    synchronized (LEDGER) {
      work(100_000);
    }
  }

  static void shipOrder() {
    STOCK.lock();
    try {
      work(100_000);
    } finally {
      STOCK.unlock();
    }
  }

  static void settleSlowly() {
    synchronized (LEDGER) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException end) {
        throw new IllegalStateException(end);
      }
    }
  }

  static void crew(Runnable work) {
    for (int i = 0; i < 4; i++) {
      Thread worker = new Thread(() -> {
        for (;;) work.run();
      });
      worker.setDaemon(true);
      worker.start();
    }
  }

  static void rest() {
    ExecutorService pool = Executors.newFixedThreadPool(4, (work) -> {
      Thread worker = new Thread(work);
      worker.setDaemon(true);
      return worker;
    });
    for (int i = 0; i < 4; i++) pool.execute(() -> work(10));
  }

  public static void main(String[] arguments) throws Exception {
    System.out.println("ready {}");
    if (System.in.read() < 0) return;
    switch (arguments[0]) {
      case "monitor": crew(Orders::settleOrder); break;
      case "lock": crew(Orders::shipOrder); break;
      case "interpreted":
        crew(Orders::settleSlowly);
        crew(() -> work(100_000));  // what stacks may cost is a share of the CPU time used
        break;
      default: rest();
    }
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
