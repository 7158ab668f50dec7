/*
 * What a program stands on that links no C library (only its headers are read): the kernel is called directly, so that
 * the program is static, starts within microseconds, takes a few kilobytes of memory, and does not mind which C library
 * the machine has. The program's own entry point is start().
 */
#pragma once
#include <sys/syscall.h>

enum { STANDARD_INPUT = 0, STANDARD_OUTPUT = 1, STANDARD_ERROR = 2 };

/* The stack holds the argument count, the arguments, a null, the environment, and a null (System V ABI, AAPCS64). */
__attribute__((noreturn, used)) void start(long *stack);

#if defined(__x86_64__)

__asm__(".text\n.global _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

/* Gives the call's result, or the negative error number (errno). */
static inline long call_with_six(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

__asm__(".text\n.global _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start\n");

static inline long call_with_six(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}

#else
#error "written for x86_64 and arm64"
#endif

static inline long call(long number, long a, long b, long c, long d) {
  return call_with_six(number, a, b, c, d, 0, 0);
}

/* The compiler calls these by name where it fills and copies. */
__attribute__((used)) void *memset(void *to, int byte, unsigned long count) {
  for (unsigned long i = 0; i < count; i++) ((char *)to)[i] = (char)byte;
  return to;
}

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, unsigned long count) {
  for (unsigned long i = 0; i < count; i++) ((char *)to)[i] = ((const char *)from)[i];
  return to;
}

static inline long length(const char *text) {
  long count = 0;
  while (text[count] != '\0') count++;
  return count;
}

static inline int same(const char *left, const char *right) {
  while (*left != '\0' && *left == *right) left++, right++;
  return *left == *right;
}

/* Room for any number that is not negative, as decimal() writes it. */
enum { DECIMAL_ROOM = 21 };

/* Writes a number that is not negative to the end of `room`, and gives where it begins. */
static inline const char *decimal(char room[DECIMAL_ROOM], long number) {
  char *first = room + DECIMAL_ROOM - 1;
  *first = '\0';
  do *--first = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  return first;
}

static inline void say(int descriptor, const char *text) {
  call(__NR_write, descriptor, (long)text, length(text), 0);
}

__attribute__((noreturn)) static inline void leave(int code) {
  for (;;) call(__NR_exit_group, code, 0, 0, 0);
}
