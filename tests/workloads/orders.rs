// A Rust program whose threads wait for each other; who holds a lock sleeps, so that they queue
// however busy the machine is.
//   orders mutex|heap|rwlock|channel|park
// ready: nothing. It works until its standard input is closed.
use std::io::{stdin, stdout, Read, Write};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{park, sleep, spawn};
use std::time::Duration;

static LEDGER: Mutex<u64> = Mutex::new(0);
static PRICES: RwLock<u64> = RwLock::new(0);

const HOLD: Duration = Duration::from_micros(300);

#[inline(never)]
fn settle_order() {
    let mut ledger = LEDGER.lock().unwrap();
    sleep(HOLD);
    *ledger += 1;
}

#[inline(never)]
fn ship_order(stock: &Mutex<u64>) {
    let mut stock = stock.lock().unwrap();
    sleep(HOLD);
    *stock += 1;
}

#[inline(never)]
fn look_up_price() -> u64 {
    let price = PRICES.read().unwrap();
    sleep(HOLD);
    *price
}

#[inline(never)]
fn change_price() {
    let mut price = PRICES.write().unwrap();
    sleep(HOLD);
    *price += 1;
}

#[inline(never)]
fn take_orders(orders: Receiver<u64>) {
    while orders.recv().is_ok() {}
}

#[inline(never)]
fn rest() {
    loop {
        park();
    }
}

fn crew(size: usize, work: impl Fn() + Send + Sync + 'static) {
    let work = Arc::new(work);
    for _ in 0..size {
        let work = work.clone();
        spawn(move || loop {
            work()
        });
    }
}

fn start(what: &str) {
    match what {
        "mutex" => crew(4, settle_order),
        "heap" => {
            let stock = Arc::new(Mutex::new(0));
            crew(4, move || ship_order(&stock))
        }
        "rwlock" => {
            crew(2, || {
                look_up_price();
            });
            crew(2, change_price);
        }
        "channel" => {
            let (sender, orders) = channel();
            spawn(move || take_orders(orders));
            crew(1, {
                let sender = Mutex::new(sender);
                move || {
                    sleep(10 * HOLD);
                    sender.lock().unwrap().send(1).unwrap();
                }
            });
        }
        "park" => crew(2, rest),
        _ => panic!("mutex|heap|rwlock|channel|park"),
    }
}

fn main() {
    println!("ready {{}}");
    stdout().flush().unwrap();
    let mut letter = [0; 1];
    if stdin().read(&mut letter).unwrap() == 0 {
        return;
    }
    start(&std::env::args().nth(1).unwrap());
    while stdin().read(&mut letter).unwrap() != 0 {}
    std::process::exit(0);
}
