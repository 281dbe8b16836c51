// The few functions of the C library that the SDK and the generated code use, for compilers that bring none.
#ifndef ORDERDOCK_STDLIB_H
#define ORDERDOCK_STDLIB_H
#include <stddef.h>
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void free(void *old);
_Noreturn void abort(void);
#endif
