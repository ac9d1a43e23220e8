// A Go program whose goroutines call C code, which locks a mutex of its own.
//   orders_cgo
// ready: nothing. It works until its standard input is closed.
package main

/*
#include <pthread.h>

pthread_mutex_t stock = PTHREAD_MUTEX_INITIALIZER;
static volatile long shipped;

void __attribute__((noinline)) ship_order(void) {
	pthread_mutex_lock(&stock);
	for (int i = 0; i < 100000; i++) shipped++;
	pthread_mutex_unlock(&stock);
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
)

//go:noinline
func ship() {
	C.ship_order()
}

func main() {
	fmt.Println("ready {}")
	letter := make([]byte, 1)
	if count, _ := os.Stdin.Read(letter); count == 0 {
		return
	}
	runtime.GOMAXPROCS(4)
	for i := 0; i < 4; i++ {
		go func() {
			for {
				ship()
			}
		}()
	}
	for {
		if count, _ := os.Stdin.Read(letter); count == 0 {
			return
		}
	}
}
