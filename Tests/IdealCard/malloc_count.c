// Counts calls of the allocator by threads whose name begins with "alsa-": preload it, and read `malloc_count`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

uint64_t malloc_count;

static void count(void) {
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    if (strncmp(name, "alsa-", 5) == 0) __atomic_add_fetch(&malloc_count, 1, __ATOMIC_RELAXED);
}

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t size) { count(); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { count(); return __libc_calloc(number, size); }
void *realloc(void *memory, size_t size) { count(); return __libc_realloc(memory, size); }
void free(void *memory) { if (memory) count(); __libc_free(memory); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    count();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}
