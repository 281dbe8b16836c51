// The few functions of the C library that are needed, without WASI and without anything else. Memory is only ever taken: every
// order gets a fresh instance, which is dropped after the call.

#include "stdlib.h"
#include "string.h"

#include <stdint.h>

#define PAGE 65536u

extern unsigned char __heap_base;

static uintptr_t next;
static uintptr_t end;

void *malloc(size_t size) {
  // Its size stands before each block, for realloc.
  if (next == 0) {
    next = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    end = __builtin_wasm_memory_size(0) * PAGE;
  }
  if (size > UINT32_MAX / 2) return NULL;
  size_t whole = (size + 16 + 15) & ~(size_t)15;
  if (whole > end - next) {
    size_t pages = (whole - (end - next) + PAGE - 1) / PAGE;
    // By half of what there is at least: asking the host is slow.
    size_t ample = pages + (end / PAGE) / 2;
    if (__builtin_wasm_memory_grow(0, ample) != (size_t)-1) end += ample * PAGE;
    else if (__builtin_wasm_memory_grow(0, pages) != (size_t)-1) end += pages * PAGE;
    else return NULL;
  }
  *(size_t *)next = size;
  void *made = (void *)(next + 16);
  next += whole;
  return made;
}

void *calloc(size_t count, size_t size) {
  if (size != 0 && count > UINT32_MAX / 2 / size) return NULL;
  void *made = malloc(count * size);
  if (made != NULL) memset(made, 0, count * size);
  return made;
}

void *realloc(void *old, size_t size) {
  if (old == NULL) return malloc(size);
  size_t *known = (size_t *)((uintptr_t)old - 16);
  if (size <= *known) return old;
  // The last block grows where it is.
  uintptr_t behind = (uintptr_t)old + ((*known + 15) & ~(size_t)15);
  if (behind == next && size < UINT32_MAX / 2) {
    uintptr_t wanted = (uintptr_t)old + ((size + 15) & ~(size_t)15);
    if (wanted <= end) {
      next = wanted;
      *known = size;
      return old;
    }
  }
  void *made = malloc(size);
  if (made != NULL) memcpy(made, old, *known);
  return made;
}

void free(void *old) { (void)old; }

_Noreturn void abort(void) { __builtin_trap(); }

// With bulk memory these become one instruction each.
void *memcpy(void *to, const void *from, size_t length) { return __builtin_memmove(to, from, length); }

void *memmove(void *to, const void *from, size_t length) {
  __asm__ volatile("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.copy 0, 0" : : "r"(to), "r"(from), "r"(length) : "memory");
  return to;
}

void *memset(void *to, int byte, size_t length) {
  __asm__ volatile("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.fill 0" : : "r"(to), "r"(byte), "r"(length) : "memory");
  return to;
}

int memcmp(const void *left, const void *right, size_t length) {
  const unsigned char *a = left, *b = right;
  for (; length >= 8; length -= 8, a += 8, b += 8) {
    uint64_t first, second;
    __builtin_memcpy(&first, a, 8);
    __builtin_memcpy(&second, b, 8);
    if (first != second) break;
  }
  for (; length > 0; length--, a++, b++)
    if (*a != *b) return *a < *b ? -1 : 1;
  return 0;
}

void *memchr(const void *text, int byte, size_t length) {
  const unsigned char *at = text;
  for (; length > 0; length--, at++)
    if (*at == (unsigned char)byte) return (void *)at;
  return NULL;
}

size_t strlen(const char *text) {
  const uint64_t ones = 0x0101010101010101u;
  const char *at = text;
  for (; (uintptr_t)at % 8 != 0; at++)
    if (*at == 0) return (size_t)(at - text);
  // Eight at a time; where a memory ends, a whole word ends too.
  for (;; at += 8) {
    uint64_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(at, 8), 8);
    uint64_t zero = (word - ones) & ~word & (ones << 7);
    if (zero != 0) return (size_t)(at - text) + (size_t)(__builtin_ctzll(zero) / 8);
  }
}
