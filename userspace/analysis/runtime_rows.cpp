#include "analysis/runtime_rows.h"

#include <array>

namespace cw {
namespace {

using enum LockKind;

constexpr std::uint32_t kPlainMutex = kNothing | in(kMutex);
constexpr std::uint32_t kOnCondvar = in(kCondvar);
constexpr std::uint32_t kOnSemaphore = in(kSemaphore);
constexpr std::uint32_t kOnPark = in(kPark);

constexpr std::string_view kAny = "*";
constexpr std::string_view kLibc = "libc.*";
constexpr std::string_view kPython = "*python*";
constexpr std::string_view kRuby = "*ruby*";
constexpr std::string_view kGomp = "libgomp*";

// Offsets are those of glibc's nptl/ and of musl's src/internal/pthread_impl.h, 64-bit.
constexpr Classification kind_at(LockKind kind, std::uint32_t offset, std::uint32_t traits,
                                 const char* primitive, const char* mode = nullptr) {
  return {.kind = kind,
          .offset = offset,
          .sure = true,
          .mode = mode,
          .traits = traits,
          .primitive = primitive};
}
constexpr Classification of(LockKind kind, const char* primitive, std::uint32_t traits = 0) {
  return kind_at(kind, 0, traits, primitive);
}

constexpr Classification kCond = kind_at(kCondvar, 40, kInCell, "pthread condition");
// From glibc 2.25 to 2.40 who signals may wait for those that an earlier signal woke (__g_refs, in
// nptl/pthread_cond_common.c: __condvar_quiesce_and_switch_g1).
constexpr Classification kCondSignal =
    kind_at(kMutex, 16, kInCell | kNotesNoOwner, "signal of a condition");
constexpr Classification kReader = kind_at(kRwlock, 8, kInCell, "pthread rwlock", "read");
constexpr Classification kWriter = kind_at(kRwlock, 8, kInCell, "pthread rwlock", "write");
constexpr Classification kArena = of(kAllocator, "malloc arena", kNamesItself);
constexpr Classification kStream = of(kStdio, "stdio stream", kNamesItself);
constexpr Classification kLoader = of(kMutex, "dynamic loader's lock", kNamesItself);
constexpr Classification kExit = of(kMutex, "lock of the exit handlers", kNamesItself);
constexpr Classification kGilLock = kind_at(kGil, 40, kInCell | kPolls | kNamesItself, "GIL");
constexpr Classification kHandOver = kind_at(kCondvar, 40, kInCell | kNamesItself, "GIL hand-over");
// Ruby's threads queue for it each on a condition of its own, the first one for a time slice each.
constexpr Classification kGvl = of(kGil, "GVL", kPerWaiter | kPolls | kNamesItself);
constexpr Classification kMasterLock =
    kind_at(kGil, 40, kInCell | kNamesItself, "OCaml master lock");
constexpr Classification kRubyMutex = of(kMutex, "Ruby Mutex", kPerWaiter);
constexpr Classification kLwlock = of(kRwlock, "LWLock", kPerWaiter);
// Where goroutines queue for sync.Mutex and the like: one table for all.
constexpr Classification kGoQueue = of(kMutex, "queues of Go's mutexes", kNamesItself);
constexpr Classification kGoMutex = kind_at(kMutex, 4, kNotesNoOwner, "sync.Mutex");
constexpr Classification kGoReader = kind_at(kRwlock, 12, kNotesNoOwner, "sync.RWMutex", "read");
constexpr Classification kGoWriter = kind_at(kRwlock, 8, kNotesNoOwner, "sync.RWMutex", "write");
constexpr Classification kGoNextWriter =
    kind_at(kRwlock, 4, kNotesNoOwner, "sync.RWMutex", "write");
constexpr Classification kGoHeap = of(kAllocator, "lock of Go's heap", kNamesItself);
constexpr Classification kOmpBarrier = of(kBarrier, "OpenMP barrier");

constexpr auto kRows = std::to_array<RuntimeRow>({
    // --- musl, where the operation tells it from glibc ---
    {kAny, "pthread_mutex_*lock*", kNothing, kind_at(kMutex, 4, 0, "pthread mutex"), kFutexWait,
     bit(ValueClass::kHighBit)},
    {kAny, "pthread_cond_*wait*", kNothing, of(kCondvar, "pthread condition", kPerWaiter),
     kFutexWait},
    {kAny, "pthread_rwlock_*rdlock*", kNothing, kind_at(kRwlock, 0, 0, "pthread rwlock", "read"),
     kFutexWait},
    {kAny, "pthread_rwlock_*wrlock*", kNothing, kind_at(kRwlock, 0, 0, "pthread rwlock", "write"),
     kFutexWait},
    {kAny, "__lockfile", kNothing, kStream},
    {kAny, "__lock", kNothing, of(kMutex, "lock of libc's own")},

    // --- POSIX threads: glibc ---
    {kAny, "pthread_mutex_*lock*", kNothing, of(kMutex, "pthread mutex")},
    {kAny, "pthread_mutex_cond_lock*", kNothing, of(kMutex, "pthread mutex")},
    // Woken, it takes the mutex again; its own waits are of another operation.
    {"libc.so.6", "pthread_cond_*wait*", kNothing, of(kMutex, "pthread mutex"), kFutexWait,
     bit(ValueClass::kTwo)},
    {"libpthread*", "pthread_cond_*wait*", kNothing, of(kMutex, "pthread mutex"), kFutexWait,
     bit(ValueClass::kTwo)},
    {kAny, "pthread_cond_*wait*", kNothing, kCond},
    {kAny, "pthread_cond_signal*", kNothing, kCondSignal},
    {kAny, "pthread_cond_broadcast*", kNothing, kCondSignal},
    {kAny, "pthread_rwlock_*rdlock*", kNothing, kReader},
    {kAny, "pthread_rwlock_*wrlock*", kNothing, kWriter},
    {kAny, "pthread_barrier_wait*", kNothing, kind_at(kBarrier, 0, kInCell, "pthread barrier")},
    {kAny, "pthread_once*", kNothing, of(kOnce, "pthread once")},
    {kAny, "call_once", kNothing, of(kOnce, "call_once")},
    {kAny, "cxa_guard_acquire*", kNothing | kOnCondvar | in(kMutex), of(kOnce, "static variable")},
    {kAny, "pthread_*join*", kNothing, of(kJoin, "pthread join")},
    {kAny, "thrd_join", kNothing, of(kJoin, "pthread join")},
    {kAny, "sem_*wait*", kNothing, of(kSemaphore, "semaphore")},
    {kAny, "new_sem_wait*", kNothing, of(kSemaphore, "semaphore")},
    {kAny, "mtx_*lock", kNothing, of(kMutex, "pthread mutex")},
    {kAny, "cnd_*wait", kNothing, kCond},

    // --- allocators; those that lock a pthread mutex too ---
    {"libjemalloc*", kAny, kPlainMutex, of(kAllocator, "jemalloc's lock", kNamesItself)},
    {kAny, "*malloc_mutex_lock_slow", kPlainMutex, of(kAllocator, "jemalloc's lock", kNamesItself)},
    {"libtcmalloc*", kAny, kPlainMutex, of(kAllocator, "tcmalloc's lock", kNamesItself)},
    {kAny, "tcmalloc::*", kPlainMutex, of(kAllocator, "tcmalloc's lock", kNamesItself)},
    {"libmimalloc*", kAny, kPlainMutex, of(kAllocator, "mimalloc's lock", kNamesItself)},
    {kAny, "mi_*", kPlainMutex, of(kAllocator, "mimalloc's lock", kNamesItself)},
    {kAny, "malloc", kPlainMutex, kArena},
    {kAny, "libc_malloc*", kPlainMutex, kArena},
    {kAny, "free", kPlainMutex, kArena},
    {kAny, "cfree", kPlainMutex, kArena},
    {kAny, "calloc", kPlainMutex, kArena},
    {kAny, "realloc", kPlainMutex, kArena},
    {kAny, "reallocarray", kPlainMutex, kArena},
    {kAny, "memalign", kPlainMutex, kArena},
    {kAny, "aligned_alloc", kPlainMutex, kArena},
    {kAny, "posix_memalign", kPlainMutex, kArena},
    {kAny, "valloc", kPlainMutex, kArena},
    {kAny, "pvalloc", kPlainMutex, kArena},
    {kAny, "malloc_trim", kPlainMutex, kArena},
    {kAny, "mallinfo*", kPlainMutex, kArena},
    {kAny, "malloc_stats", kPlainMutex, kArena},
    {kAny, "malloc_info", kPlainMutex, kArena},
    {kAny, "mallopt", kPlainMutex, kArena},
    {kAny, "int_malloc*", kPlainMutex, kArena},
    {kAny, "int_free*", kPlainMutex, kArena},
    {kAny, "int_memalign*", kPlainMutex, kArena},
    {kAny, "arena_get*", kPlainMutex, kArena},
    {kAny, "operator new*", kPlainMutex, kArena},
    {kAny, "operator delete*", kPlainMutex, kArena},

    // --- stdio ---
    {kAny, "*printf*", kNothing, kStream},
    {kAny, "*fwrite*", kNothing, kStream},
    {kAny, "*fread*", kNothing, kStream},
    {kAny, "*puts", kNothing, kStream},
    {kAny, "*putc", kNothing, kStream},
    {kAny, "putchar", kNothing, kStream},
    {kAny, "fputwc", kNothing, kStream},
    {kAny, "*fputws", kNothing, kStream},
    {kAny, "*getc", kNothing, kStream},
    {kAny, "getchar", kNothing, kStream},
    {kAny, "fgetws", kNothing, kStream},
    {kAny, "fgetwc", kNothing, kStream},
    {kAny, "*fgets", kNothing, kStream},
    {kAny, "getline", kNothing, kStream},
    {kAny, "*getdelim", kNothing, kStream},
    {kAny, "*scanf", kNothing, kStream},
    {kAny, "*fflush", kNothing, kStream},
    {kAny, "fseek*", kNothing, kStream},
    {kAny, "*ftell*", kNothing, kStream},
    {kAny, "rewind", kNothing, kStream},
    {kAny, "fgetpos*", kNothing, kStream},
    {kAny, "fsetpos*", kNothing, kStream},
    {kAny, "*fopen*", kNothing, kStream},
    {kAny, "fdopen", kNothing, kStream},
    {kAny, "*fclose", kNothing, kStream},
    {kAny, "ungetc", kNothing, kStream},
    {kAny, "*setvbuf", kNothing, kStream},
    {kAny, "perror", kNothing, kStream},
    {kAny, "*flockfile", kNothing, kStream},
    {kAny, "IO_*", kNothing, kStream},

    // --- the rest of libc ---
    {kAny, "dl_iterate_phdr", kPlainMutex, kLoader},
    {kAny, "dlopen*", kPlainMutex, kLoader},
    {kAny, "dlmopen*", kPlainMutex, kLoader},
    {kAny, "dlclose*", kPlainMutex, kLoader},
    {kAny, "dlsym*", kPlainMutex, kLoader},
    {kAny, "dlvsym*", kPlainMutex, kLoader},
    {kAny, "dladdr*", kPlainMutex, kLoader},
    {kAny, "dlinfo*", kPlainMutex, kLoader},
    {kAny, "_dl_*", kPlainMutex, kLoader},
    {kAny, "tls_get_addr*", kPlainMutex, kLoader},
    {kAny, "cxa_atexit", kNothing, kExit},
    {kAny, "cxa_finalize", kNothing, kExit},
    {kAny, "cxa_thread_atexit_impl", kPlainMutex, kLoader},
    {kLibc, "*exit", kNothing, kExit},

    // --- C++ libraries ---
    {kAny, "std::*atomic_semaphore*", kNothing | in(kEventcount), of(kSemaphore, "semaphore")},
    {kAny, "std::*counting_semaphore*", kNothing | in(kEventcount), of(kSemaphore, "semaphore")},
    {kAny, "std::*latch::*wait*", kNothing | in(kEventcount), of(kBarrier, "std::latch")},
    {kAny, "std::*barrier*::*wait*", kNothing | in(kEventcount) | kOnCondvar,
     of(kBarrier, "std::barrier")},
    {kAny, "std::*atomic_futex_unsigned_base::*", kNothing, of(kEventcount, "std::future")},
    {kAny, "std::*platform_wait*", kNothing, of(kEventcount, "std::atomic wait")},
    {kAny, "std::*atomic_wait*", kNothing, of(kEventcount, "std::atomic wait")},
    // Waiting for a condition is idle, though it is the lock's own function that waits.
    {kAny, "absl::*Mutex::Await*", in(kMutex), of(kCondvar, "absl condition", kPerWaiter)},
    {kAny, "absl::*Mutex::LockWhen*", in(kMutex), of(kCondvar, "absl condition", kPerWaiter)},
    {kAny, "absl::*Mutex::ReaderLockWhen*", in(kMutex), of(kCondvar, "absl condition", kPerWaiter)},
    {kAny, "absl::*Mutex::WriterLockWhen*", in(kMutex), of(kCondvar, "absl condition", kPerWaiter)},
    {kAny, "absl::*Mutex::Block*", kNothing | kOnSemaphore | kOnCondvar,
     of(kMutex, "absl::Mutex", kPerWaiter)},
    {kAny, "absl::*CondVar::Wait*", kNothing | kOnSemaphore | kOnCondvar,
     of(kCondvar, "absl::CondVar", kPerWaiter)},
    // Its mutex exports what waits; its condition variable does not.
    {"libabsl_sync*", "", kNothing, of(kCondvar, "absl::CondVar", kPerWaiter)},
    {kAny, "absl::*SpinLock::SlowLock*", kNothing, of(kMutex, "absl SpinLock")},
    {kAny, "*SpinLock::SlowLock*", kNothing, of(kMutex, "SpinLock")},
    {kAny, "folly::SharedMutex*", kNothing | kOnPark, of(kRwlock, "folly::SharedMutex")},
    {kAny, "folly::MicroLock*", kNothing, of(kMutex, "folly::MicroLock")},
    {kAny, "folly::*DistributedMutex*::*lock*", kNothing | kOnPark,
     of(kMutex, "folly::DistributedMutex", kPerWaiter)},
    {kAny, "folly::*Baton*", kNothing, of(kPark, "folly::Baton", kPerWaiter)},
    {kAny, "folly::*LifoSem*", kNothing | kOnPark, of(kSemaphore, "folly::LifoSem", kPerWaiter)},
    {kAny, "folly::EventCount*", kNothing, of(kEventcount, "folly::EventCount")},
    {kAny, "QBasicMutex::lock*", kNothing, of(kMutex, "QMutex")},
    {kAny, "QMutex::*lock*", kNothing, of(kMutex, "QMutex")},
    {kAny, "QSemaphore::*cquire*", kNothing | kOnCondvar, of(kSemaphore, "QSemaphore")},
    {kAny, "QReadWriteLock::*Read*", kOnCondvar, kind_at(kRwlock, 40, kInCell, "QReadWriteLock")},
    {kAny, "QReadWriteLock::*Write*", kOnCondvar, kind_at(kRwlock, 40, kInCell, "QReadWriteLock")},
    {kAny, "g_mutex_lock*", kNothing, of(kMutex, "GMutex")},
    {kAny, "g_cond_wait*", kNothing, of(kCondvar, "GCond")},
    {kAny, "g_bit_lock*", kNothing, of(kMutex, "GLib bit lock")},
    {kAny, "g_once_*", kOnCondvar, of(kOnce, "GOnce")},
    {kAny, "sync_array_wait_event*", kOnCondvar, of(kMutex, "InnoDB lock", kPerWaiter)},

    // --- Rust ---
    {kAny, "*futex*Mutex*::lock_contended*", kNothing, of(kMutex, "std::sync::Mutex")},
    {kAny, "*RwLock*::read_contended*", kNothing,
     kind_at(kRwlock, 0, 0, "std::sync::RwLock", "read")},
    {kAny, "*RwLock*::write_contended*", kNothing,
     kind_at(kRwlock, 4, 0, "std::sync::RwLock", "write")},
    {kAny, "*ondvar*::wait_optional_timeout*", kNothing, of(kCondvar, "std::sync::Condvar")},
    {kAny, "*std::sys*once::futex::*", kNothing, of(kOnce, "std::sync::Once")},
    {kAny, "*std::sys*Parker*::park*", kNothing, of(kPark, "thread::park")},
    {kAny, "*std::thread::*park*", kNothing, of(kPark, "thread::park")},
    {kAny, "*sync::mpmc::*::recv*", kOnPark, of(kPark, "channel")},
    {kAny, "*sync::mpsc::*::recv*", kOnPark, of(kPark, "channel")},
    {kAny, "*sync::mpmc::*::send*", kOnPark, of(kPark, "full channel")},
    {kAny, "*sync::mpsc::*::send*", kOnPark, of(kPark, "full channel")},
    {kAny, "*crossbeam_channel::*", kOnPark, of(kPark, "channel")},
    {kAny, "*parking_lot::*RawMutex*::lock_slow*", kNothing | kOnPark,
     of(kMutex, "parking_lot::Mutex", kPerWaiter)},
    {kAny, "*parking_lot::*RawRwLock*::lock_shared_slow*", kNothing | kOnPark,
     kind_at(kRwlock, 0, kPerWaiter, "parking_lot::RwLock", "read")},
    {kAny, "*parking_lot::*RawRwLock*::*upgrad*", kNothing | kOnPark,
     kind_at(kRwlock, 0, kPerWaiter, "parking_lot::RwLock", "write")},
    {kAny, "*parking_lot::*RawRwLock*::*", kNothing | kOnPark,
     kind_at(kRwlock, 0, kPerWaiter, "parking_lot::RwLock", "write")},
    {kAny, "*parking_lot::*Condvar*::wait*", kNothing | kOnPark,
     of(kCondvar, "parking_lot::Condvar", kPerWaiter)},
    {kAny, "*parking_lot::once::*", kNothing | kOnPark, of(kOnce, "parking_lot::Once", kPerWaiter)},
    {kAny, "*parking_lot_core::*ThreadParker*::park*", kNothing,
     of(kPark, "parking_lot park", kPerWaiter)},
    {kAny, "*parking_lot_core::parking_lot::park*", kNothing,
     of(kPark, "parking_lot park", kPerWaiter)},

    // --- Go's mutexes, whose waiters are goroutines: sync/mutex.go, sync/rwmutex.go. A RWMutex is
    // a Mutex for writers, writers' semaphore, readers' semaphore. RLock is inlined, so that only
    // what is not around tells a reader ---
    {kAny, "*sync.runtime_SemacquireMutex", kNothing, kGoReader, kGoSemaphore},
    {kAny, "sync.runtime_SemacquireRWMutexR", kNothing, kGoReader, kGoSemaphore},
    {kAny, "sync.runtime_SemacquireRWMutex", kNothing, kGoWriter, kGoSemaphore},
    {kAny, "sync.(*RWMutex).Lock", in(kRwlock), kGoWriter, kGoSemaphore},
    {kAny, "*sync.(*Mutex).lockSlow", in(kRwlock), kGoMutex, kGoSemaphore},
    {kAny, "sync.(*RWMutex).Lock", in(kMutex), kGoNextWriter, kGoSemaphore},

    // --- Go: what parks goroutines makes no call; only threads of the runtime wait ---
    {kAny, "runtime.lock2*", kNothing, of(kMutex, "lock of Go's runtime")},
    {kAny, "runtime.lock2*", kOnPark, of(kMutex, "lock of Go's runtime", kPerWaiter)},
    {kAny, "runtime.lock*", kNothing, of(kMutex, "lock of Go's runtime")},
    {kAny, "runtime.chan*", in(kMutex), of(kMutex, "lock of a Go channel")},
    {kAny, "runtime.closechan", in(kMutex), of(kMutex, "lock of a Go channel")},
    {kAny, "runtime.sel*", in(kMutex), of(kMutex, "lock of a Go channel")},
    {kAny, "runtime.semacquire*", in(kMutex), kGoQueue},
    {kAny, "runtime.semrelease*", in(kMutex), kGoQueue},
    {kAny, "runtime.(*mheap)*", in(kMutex), kGoHeap},
    {kAny, "runtime.(*mcentral)*", in(kMutex), kGoHeap},
    {kAny, "runtime.semasleep*", kNothing, of(kPark, "Go note", kPerWaiter)},
    {kAny, "runtime.note*sleep*", kNothing, of(kPark, "Go note")},

    // --- HotSpot. Java's own locks park their threads; compiled code names them ---
    {kAny, "ObjectMonitor::wait*", kOnCondvar | kOnPark, of(kCondvar, "Object.wait", kPerWaiter)},
    {kAny, "ObjectMonitor::*nter*", kOnCondvar | kOnPark, of(kMutex, "Java monitor", kPerWaiter)},
    {kAny, "Parker::park*", kOnCondvar, of(kPark, "Java park", kPerWaiter)},
    {kAny, "*PlatformEvent::park*", kOnCondvar, of(kPark, "HotSpot park", kPerWaiter)},
    // The same where HotSpot's library has no names, by what it made at run time.
    {kAny, "*Unsafe.park", kOnCondvar, of(kPark, "Java park", kPerWaiter)},
    {kAny, "complete_monitor_locking*", kOnCondvar, of(kMutex, "Java monitor", kPerWaiter)},
    {kAny, "monitorenter*", kOnCondvar, of(kMutex, "Java monitor", kPerWaiter)},
    {kAny, "*AbstractQueuedSynchronizer*ConditionObject*", kOnPark,
     of(kCondvar, "Java condition", kPerWaiter)},
    {kAny, "*ReentrantReadWriteLock$ReadLock.*", kOnPark | in(kMutex) | kOnSemaphore,
     kind_at(kRwlock, 0, kPerWaiter, "Java rwlock", "read")},
    {kAny, "*ReentrantReadWriteLock$WriteLock.*", kOnPark | in(kMutex),
     kind_at(kRwlock, 0, kPerWaiter, "Java rwlock", "write")},
    {kAny, "*AbstractQueuedSynchronizer*cquireShared*", kOnPark | in(kMutex),
     of(kSemaphore, "Java semaphore", kPerWaiter)},
    {kAny, "*AbstractQueuedSynchronizer*cquire*", kOnPark, of(kMutex, "Java lock", kPerWaiter)},

    // --- interpreters with one big lock ---
    {kAny, "take_gil*", kOnCondvar, kGilLock},
    {kAny, "drop_gil*", kOnCondvar, kHandOver},
    // Where neither has a name: who takes it waits with a timeout, on the monotonic clock; who has
    // dropped it, until another has it, without.
    {kPython, "PyEval_RestoreThread", kOnCondvar, kGilLock, kFutexBitset},
    {kPython, "PyEval_Acquire*", kOnCondvar, kGilLock, kFutexBitset},
    {kPython, "PyEval_EvalFrame*", kOnCondvar, kGilLock, kFutexBitset},
    {kPython, "PyGILState_Ensure", kOnCondvar, kGilLock, kFutexBitset},
    {kPython, "PyEval_*", kOnCondvar, kHandOver},
    {kPython, "PyThread_acquire_lock*", kNothing | kOnSemaphore | kOnCondvar,
     of(kSemaphore, "Python lock", kLockWhenCrowded)},
    {kAny, "*SimpleQueue_get*", kOnSemaphore, of(kSemaphore, "Python queue")},
    {kAny, "gvl_acquire*", kOnCondvar, kGvl},
    {kAny, "gvl_yield*", kOnCondvar, kGvl},
    {kAny, "thread_sched_to_running*", kOnCondvar, kGvl},
    {kAny, "thread_sched_wait_running*", kOnCondvar, kGvl},
    {kAny, "rb_mutex_lock*", kOnCondvar, kRubyMutex},
    {kAny, "rb_mutex_synchronize", kOnCondvar, kRubyMutex},
    {kAny, "do_mutex_lock*", kOnCondvar, kRubyMutex},
    // Where these have no names: exported functions that wait for nothing else.
    {kRuby, "rb_threadptr_execute_interrupts", kOnCondvar, kGvl},
    {kRuby, "rb_thread_schedule", kOnCondvar, kGvl},
    {kRuby, "rb_thread_check_ints", kOnCondvar, kGvl},
    {kRuby, "rb_thread_call_with*", kOnCondvar, kGvl},
    {kRuby, "rb_nogvl", kOnCondvar, kGvl},
    {kRuby, "rb_thread_io_blocking_region", kOnCondvar, kGvl},
    {kRuby, "rb_thread_fd_select", kOnCondvar, kGvl},
    {kRuby, "rb_thread_wait_fd", kOnCondvar, kGvl},
    {kRuby, "rb_wait_for_single_fd", kOnCondvar, kGvl},
    {kRuby, "rb_io_wait*", kOnCondvar, kGvl},
    {kAny, "st_masterlock_acquire*", kNothing | kOnCondvar, kMasterLock},
    {kAny, "caml_*leave_blocking_section*", kNothing | kOnCondvar, kMasterLock},
    {kAny, "caml_thread_yield", kNothing | kOnCondvar, kMasterLock},
    {kAny, "caml_thread_start", kNothing | kOnCondvar, kMasterLock},
    {kAny, "caml_c_thread_register", kNothing | kOnCondvar, kMasterLock},

    // --- semaphores that are locks ---
    {kAny, "LWLockAcquire*", kOnSemaphore, kLwlock},
    {kAny, "LWLockWaitForVar", kOnSemaphore, kLwlock},
    {kAny, "ProcArrayEndTransaction", kOnSemaphore, kLwlock},  // waits for the group's leader
    {kAny, "ProcArrayGroupClearXid", kOnSemaphore, kLwlock},
    {kAny, "TransactionGroupUpdateXidStatus", kOnSemaphore, kLwlock},
    {kAny, "ngx_shmtx_lock", kOnSemaphore, of(kMutex, "nginx shared mutex")},

    // --- locks that are gates: Redis stops its I/O threads by holding the mutex of each ---
    {kAny, "IOThreadMain", in(kMutex), of(kPark, "parked I/O thread")},

    // --- OpenMP ---
    {kAny, "gomp_mutex_lock*", kNothing, of(kMutex, "OpenMP lock")},
    {kAny, "*omp_set_lock*", kPlainMutex, of(kMutex, "OpenMP lock")},
    {kAny, "*omp_set_nest_lock*", kPlainMutex, of(kMutex, "OpenMP lock")},
    {kAny, "GOMP_critical*", kPlainMutex, of(kMutex, "OpenMP critical")},
    {kAny, "GOMP_atomic_start", kPlainMutex, of(kMutex, "OpenMP atomic")},
    {kAny, "gomp_*barrier*", kNothing, kOmpBarrier},
    {kAny, "gomp_thread_start*", kNothing, of(kPark, "OpenMP dock")},
    {kAny, "GOMP_*", kNothing, kOmpBarrier},
    {kAny, "kmpc_critical*", kPlainMutex | kOnCondvar, of(kMutex, "OpenMP critical")},
    {kAny, "kmp_*acquire*lock*", kPlainMutex | kOnCondvar, of(kMutex, "OpenMP lock")},
    {kAny, "kmp_*", kNothing | kOnCondvar, kOmpBarrier},
    // Nobody but the library's own threads waits in it without a name around.
    {kGomp, "", kNothing, kOmpBarrier},
});

}  // namespace

std::span<const RuntimeRow> runtime_rows() {
  return kRows;
}

}  // namespace cw
