// A Go program whose goroutines queue for a mutex, which makes no system call, while the runtime's
// own threads come and go in those that they do.
//   orders
// ready: nothing. It works until its standard input is closed.
package main

import (
	"fmt"
	"os"
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

func main() {
	fmt.Println("ready {}")
	letter := make([]byte, 1)
	if count, _ := os.Stdin.Read(letter); count == 0 {
		return
	}
	orders := &ledger{}
	for i := 0; i < 8; i++ {
		go func() {
			for {
				orders.settle()
			}
		}()
	}
	for {
		if count, _ := os.Stdin.Read(letter); count == 0 {
			return
		}
	}
}
