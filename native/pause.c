/*
 * The process that holds a standalone pod's network namespace.
 *
 *   pause [--confirm] [text for the process list]
 *
 * Makes a network namespace of its own, brings its loopback link up, writes "ready" to standard output and
 * waits until SIGTERM or SIGINT. With --confirm it first waits for one byte on standard input; end of input
 * means that whoever started it died before it could write us down, so we end too, and nothing is left.
 *
 * No libc is linked (only its headers are read): the kernel is called directly, so that the program is
 * static, takes a few kilobytes of memory, and does not mind which C library the machine has.
 */
#include <linux/sched.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum { STANDARD_INPUT = 0, STANDARD_OUTPUT = 1, STANDARD_ERROR = 2 };

/* The entry point: the stack holds the argument count and then the arguments (System V ABI, AAPCS64). */
#if defined(__x86_64__)

__asm__(".text\n.global _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

__asm__(".text\n.global _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start\n");

static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
  return x0;
}

#else
#error "pause is written for x86_64 and arm64"
#endif

static long length(const char *text) {
  long count = 0;
  while (text[count] != '\0') count++;
  return count;
}

static int same(const char *left, const char *right) {
  while (*left != '\0' && *left == *right) left++, right++;
  return *left == *right;
}

static void say(int descriptor, const char *text) {
  call(__NR_write, descriptor, (long)text, length(text), 0);
}

__attribute__((noreturn)) static void leave(int code) {
  for (;;) call(__NR_exit_group, code, 0, 0, 0);
}

/* One line with the kernel's error number (errno), and exit code 1. */
__attribute__((noreturn)) static void fail(const char *what, long result) {
  char digits[24];
  char *first = digits + sizeof digits - 1;
  long number = -result;
  *first = '\0';
  do *--first = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  say(STANDARD_ERROR, "pause: cannot ");
  say(STANDARD_ERROR, what);
  say(STANDARD_ERROR, ": error ");
  say(STANDARD_ERROR, first);
  say(STANDARD_ERROR, -result == 1 ? " (not permitted; run as root)\n" : "\n");
  leave(1);
}

static void bring_loopback_up(void) {
  struct ifreq request;
  long socket = call(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
  if (socket < 0) fail("open a socket", socket);
  for (unsigned long i = 0; i < sizeof request; i++) ((volatile char *)&request)[i] = 0;
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  long result = call(__NR_ioctl, socket, SIOCSIFFLAGS, (long)&request, 0);
  if (result < 0) fail("bring the loopback link up", result);
  call(__NR_close, socket, 0, 0, 0);
}

/* Blocked signals wait to be fetched, whatever our parent ignored, and even as process 1 of a namespace. */
static unsigned long hold_signals(void) {
  unsigned long set = 1UL << (SIGTERM - 1) | 1UL << (SIGINT - 1);
  call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&set, 0, sizeof set);
  return set;
}

static void await_confirmation(void) {
  char byte;
  long count = call(__NR_read, STANDARD_INPUT, (long)&byte, 1, 0);
  if (count < 0) fail("read the confirmation", count);
  if (count == 0) leave(0);
  call(__NR_close, STANDARD_INPUT, 0, 0, 0);
}

__attribute__((noreturn, used)) void start(long *stack) {
  long count = stack[0];
  char **arguments = (char **)(stack + 1);

  long result = call(__NR_unshare, CLONE_NEWNET, 0, 0, 0);
  if (result < 0) fail("make a network namespace", result);
  bring_loopback_up();

  say(STANDARD_OUTPUT, "ready\n");
  call(__NR_close, STANDARD_OUTPUT, 0, 0, 0);
  if (count > 1 && same(arguments[1], "--confirm")) await_confirmation();
  call(__NR_close, STANDARD_ERROR, 0, 0, 0);

  unsigned long set = hold_signals();
  for (;;) {
    long signal = call(__NR_rt_sigtimedwait, (long)&set, 0, 0, sizeof set);
    if (signal == SIGTERM || signal == SIGINT) leave(0);
  }
}
