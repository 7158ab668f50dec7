/* Spans of bytes, and a buffer that grows. */
#pragma once
#include "../freestanding.h"
#include <errno.h>
#include <linux/mman.h>

/* From `at` to before `end`; `at` is null where there is none. */
struct text {
  const char *at;
  const char *end;
};

static const struct text NOTHING = {0, 0};

static inline unsigned long size_of(struct text text) {
  return (unsigned long)(text.end - text.at);
}

/* How many bytes the UTF-8 character at `at` has; 0 where there is none (RFC 3629, section 4). */
static inline int utf8_length(const char *at, const char *end) {
  const unsigned char *byte = (const unsigned char *)at;
  int count = *byte < 0x80 ? 1 : *byte < 0xc2 ? 0 : *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : *byte < 0xf5 ? 4 : 0;
  if (count > end - at) return 0;
  for (int i = 1; i < count; i++)
    if ((byte[i] & 0xc0) != 0x80) return 0;
  int is_overlong = (*byte == 0xe0 && byte[1] < 0xa0) || (*byte == 0xf0 && byte[1] < 0x90);
  int is_surrogate = *byte == 0xed && byte[1] > 0x9f;
  int is_too_large = *byte == 0xf4 && byte[1] > 0x8f;
  return is_overlong || is_surrogate || is_too_large ? 0 : count;
}

/* More than this is neither read nor written. */
enum { LARGEST_BUFFER = 16 << 20, FIRST_BUFFER = 64 << 10 };

/* Empty when it is all zeros. */
struct buffer {
  char *bytes;
  unsigned long length;
  unsigned long room;
};

/* Makes room for so many more bytes; gives 0, or a negative error number: -EFBIG beyond the largest size. */
static inline long reserve(struct buffer *buffer, unsigned long more) {
  if (more > LARGEST_BUFFER - buffer->length) return -EFBIG;
  unsigned long wanted = buffer->room == 0 ? FIRST_BUFFER : buffer->room;
  while (wanted < buffer->length + more) wanted *= 2;
  if (wanted == buffer->room) return 0;
  long result = buffer->bytes == 0 ? call_with_six(__NR_mmap, 0, (long)wanted, PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                   : call(__NR_mremap, (long)buffer->bytes, (long)buffer->room, (long)wanted,
                                          MREMAP_MAYMOVE);
  if (result < 0) return result;
  buffer->bytes = (char *)result;
  buffer->room = wanted;
  return 0;
}

static inline long append(struct buffer *buffer, struct text text) {
  long result = reserve(buffer, size_of(text));
  if (result < 0) return result;
  for (const char *at = text.at; at < text.end; at++) buffer->bytes[buffer->length++] = *at;
  return 0;
}

/* Reads what there is now. Gives the count, 0 at the end, or a negative error number: -EFBIG where nothing more fits. */
static inline long read_some(int descriptor, struct buffer *buffer) {
  long result = reserve(buffer, 1);
  if (result < 0) return result;
  do
    result = call(__NR_read, descriptor, (long)(buffer->bytes + buffer->length),
                  (long)(buffer->room - buffer->length), 0);
  while (result == -EINTR);
  if (result > 0) buffer->length += (unsigned long)result;
  return result;
}

/* Writes all of it; gives 0, or a negative error number. */
static inline long write_all(int descriptor, struct text text) {
  while (text.at < text.end) {
    long count = call(__NR_write, descriptor, (long)text.at, (long)size_of(text), 0);
    if (count == -EINTR) continue;
    if (count < 0) return count;
    text.at += count;
  }
  return 0;
}
