// A Go program whose goroutines queue for a mutex, which makes no system call, while the runtime's
// own threads come and go in those that they do.
//   orders [channel]
// channel: they send and receive in one channel, which has a lock of the runtime's.
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

func main() {
	fmt.Println("ready {}")
	letter := make([]byte, 1)
	if count, _ := os.Stdin.Read(letter); count == 0 {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "channel" {
		shareChannel()
	} else {
		shareMutex()
	}
	for {
		if count, _ := os.Stdin.Read(letter); count == 0 {
			return
		}
	}
}
