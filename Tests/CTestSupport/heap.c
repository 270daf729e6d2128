#include "CTestSupport.h"

#include <malloc.h>

int64_t test_heap_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

// The Swift runtime's hooks for thrown errors, untyped and typed (swift/Runtime/Error.h). The test library sets both.
extern void *_Atomic _swift_willThrow;
extern void *_Atomic _swift_willThrowTypedImpl;

void test_keep_no_errors(void) {
    _swift_willThrow = 0;
    _swift_willThrowTypedImpl = 0;
}
