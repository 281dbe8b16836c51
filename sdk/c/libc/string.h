// See stdlib.h.
#ifndef ORDERDOCK_STRING_H
#define ORDERDOCK_STRING_H
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *left, const void *right, size_t length);
void *memchr(const void *text, int byte, size_t length);
size_t strlen(const char *text);
#endif
