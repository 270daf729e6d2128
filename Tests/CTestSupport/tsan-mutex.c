// ThreadSanitizer and the standard library's Mutex on Linux.
//
// Mutex's fast path is compiled into its users, where ThreadSanitizer sees its atomics. Under contention it calls
// `_lockSlow` and `_unlockSlow` in libswiftSynchronization, where the kernel hands the lock over (FUTEX_LOCK_PI): that
// library is not instrumented, so the hand-over is not seen, and everything a contended Mutex guards is reported as a
// race. These definitions come before the library's, call it, and tell ThreadSanitizer of the hand-over. They exist in
// builds with --sanitize thread only. Seen with Swift 6.3; should a release rename the functions, the reports come back.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef SWIFT void (*lock_function)(uint32_t thread, SELF void *mutex);
typedef SWIFT _Bool (*try_lock_function)(SELF void *mutex);
typedef SWIFT void (*unlock_function)(SELF void *mutex);

static lock_function lock_slow;
static try_lock_function try_lock_slow;
static unlock_function unlock_slow;

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "%s is not in libswiftSynchronization any more: adapt Tests/CTestSupport\n", name);
        abort();
    }
    return function;
}

__attribute__((constructor)) static void find(void) {
    lock_slow = (lock_function)next(LOCK_SLOW);
    try_lock_slow = (try_lock_function)next(TRY_LOCK_SLOW);
    unlock_slow = (unlock_function)next(UNLOCK_SLOW);
}

SWIFT void reprise_lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK_SLOW);
SWIFT void reprise_lock_slow(uint32_t thread, SELF void *mutex) {
    lock_slow(thread, mutex);
    __tsan_acquire(mutex);
}

SWIFT _Bool reprise_try_lock_slow(SELF void *mutex) __asm__(TRY_LOCK_SLOW);
SWIFT _Bool reprise_try_lock_slow(SELF void *mutex) {
    _Bool is_locked = try_lock_slow(mutex);
    if (is_locked) __tsan_acquire(mutex);
    return is_locked;
}

SWIFT void reprise_unlock_slow(SELF void *mutex) __asm__(UNLOCK_SLOW);
SWIFT void reprise_unlock_slow(SELF void *mutex) {
    __tsan_release(mutex);
    unlock_slow(mutex);
}
#endif
#endif
