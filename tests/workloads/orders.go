// A Go program whose goroutines queue for a mutex, which makes no system call, while the runtime's
// own threads come and go in those that they do.
//   orders [channel|prices|group]
// channel: they send and receive in one channel, which has a lock of the runtime's.
// prices:  many look under a read-write lock that one changes under.
// group:   they wait for a sync.WaitGroup, which is no lock.
// ready: nothing. It works until its standard input is closed.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

type ledger struct {
	guard   sync.Mutex
	settled int
}

//go:noinline
func (l *ledger) settle() {
	l.guard.Lock()
	defer l.guard.Unlock()
	time.Sleep(200 * time.Microsecond)
	l.settled++
}

//go:noinline
func send(orders chan int) {
	orders <- 1
}

//go:noinline
func receive(orders chan int) {
	<-orders
}

func shareChannel() {
	runtime.GOMAXPROCS(8)
	orders := make(chan int, 16)
	for i := 0; i < 64; i++ {
		go func() {
			for {
				send(orders)
			}
		}()
		go func() {
			for {
				receive(orders)
			}
		}()
	}
}

func shareMutex() {
	orders := &ledger{}
	for i := 0; i < 8; i++ {
		go func() {
			for {
				orders.settle()
			}
		}()
	}
}

type prices struct {
	guard   sync.RWMutex
	changes int
}

var book prices

//go:noinline
func lookUp() int {
	book.guard.RLock()
	defer book.guard.RUnlock()
	return book.changes
}

//go:noinline
func change() {
	book.guard.Lock()
	defer book.guard.Unlock()
	time.Sleep(2 * time.Millisecond)
	book.changes++
}

func sharePrices() {
	go func() {
		for {
			change()
			time.Sleep(200 * time.Microsecond)
		}
	}()
	for i := 0; i < 6; i++ {
		go func() {
			for {
				lookUp()
				time.Sleep(50 * time.Microsecond)
			}
		}()
	}
}

//go:noinline
func awaitGroup() {
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			time.Sleep(time.Millisecond)
		}()
	}
	group.Wait()
}

func shareNothing() {
	for i := 0; i < 8; i++ {
		go func() {
			for {
				awaitGroup()
			}
		}()
	}
}

func main() {
	fmt.Println("ready {}")
	letter := make([]byte, 1)
	if count, _ := os.Stdin.Read(letter); count == 0 {
		return
	}
	what := ""
	if len(os.Args) > 1 {
		what = os.Args[1]
	}
	switch what {
	case "channel":
		shareChannel()
	case "prices":
		sharePrices()
	case "group":
		shareNothing()
	default:
		shareMutex()
	}
	for {
		if count, _ := os.Stdin.Read(letter); count == 0 {
			return
		}
	}
}
