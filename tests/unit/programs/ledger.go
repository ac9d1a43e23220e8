// A Go program to take names and lines from.
package main

import (
	"fmt"
	"os"
	"sync"
)

type ledger struct {
	guard sync.Mutex
	total int
}

func fee(amount int) int { return amount/7 + 3 }

//go:noinline
func (l *ledger) settle(amount int) int {
	l.guard.Lock()
	defer l.guard.Unlock()
	l.total += fee(amount)
	return l.total
}

func main() {
	orders := &ledger{}
	done := make(chan int)
	go func() { done <- orders.settle(len(os.Args)) }()
	fmt.Println(<-done)
}
