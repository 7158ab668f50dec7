/*
 * The process that holds a standalone pod's network namespace.
 *
 *   pause [--confirm] [text for the process list]
 *
 * Makes a network namespace of its own, brings its loopback link up, writes "ready" to standard output and
 * waits until SIGTERM or SIGINT. With --confirm it first waits for one byte on standard input; end of input
 * means that whoever started it died before it could write us down, so we end too, and nothing is left.
 */
#include "freestanding.h"
#include <linux/sched.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <signal.h>
#include <sys/socket.h>

/* One line with the kernel's error number (errno), and exit code 1. */
__attribute__((noreturn)) static void fail(const char *what, long result) {
  char digits[DECIMAL_ROOM];
  say(STANDARD_ERROR, "pause: cannot ");
  say(STANDARD_ERROR, what);
  say(STANDARD_ERROR, ": error ");
  say(STANDARD_ERROR, decimal(digits, -result));
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

void start(long *stack) {
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
