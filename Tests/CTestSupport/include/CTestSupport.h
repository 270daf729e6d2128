// What tests need below Swift: allocation counts, and (tsan-mutex.c, nothing to call) a ThreadSanitizer that
// understands Mutex.
#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

#include <stdint.h>

/// How many blocks of memory a thread of this process has allocated (malloc, calloc, realloc and the aligned ones),
/// or -1 in sanitizer builds, which have allocators of their own.
/// - thread: its Linux id (as in /proc/self/task); 0 for the calling thread. Ids 65,536 apart share a count.
int64_t test_allocations(int thread);

/// Bytes of the heap in use, of all the allocator's arenas.
int64_t test_heap_in_use(void);

/// From now on the test library keeps nothing of the errors that are thrown in this process. (It keeps a backtrace of each
/// until the test ends: 120 bytes for every sleep that is cancelled.)
void test_keep_no_errors(void);

/// The calling thread's Linux id.
int test_thread(void);

/// Takes from the calling thread the right to real-time priority, and from the process's ordinary threads theirs to ask
/// for it. Returns 0 or -errno.
int test_give_up_nice(void);

#endif
