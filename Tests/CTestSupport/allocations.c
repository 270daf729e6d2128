// Counts allocations by thread: definitions in the executable come before the C library's, for all libraries too.
#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define HAS_OWN_ALLOCATOR 1
#endif
#endif

int test_thread(void) { return gettid(); }

#ifdef HAS_OWN_ALLOCATOR

int64_t test_allocations(int thread) {
    (void)thread;
    return -1;
}

#else

static _Atomic int64_t counts[1 << 16];
static _Thread_local int own;

static _Atomic int64_t *count_of(int thread) {
    if (own == 0) own = gettid();
    return &counts[(thread ? thread : own) & 0xFFFF];
}

int64_t test_allocations(int thread) { return atomic_load(count_of(thread)); }

// The C library's allocator under its own names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void count(void) { atomic_fetch_add_explicit(count_of(0), 1, memory_order_relaxed); }

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
    count();
    return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
    count();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *memory = memalign(alignment, size);
    if (!memory) return ENOMEM;
    *block = memory;
    return 0;
}

#endif
