/*
 * Starts programs and tells how long each lived, from the fork to its end.
 *
 * A benchmark of whole processes must not charge them for who starts them: Node takes milliseconds for what a container
 * runtime does in a few hundred microseconds. This is as little as can be: vfork, execve, and the clock.
 *
 * An order on standard input is a line `ID WORDS VARIABLES LENGTH`, then the program with its arguments (WORDS strings) and
 * its whole environment (VARIABLES strings), each ended by a zero byte, then LENGTH bytes that it gets as standard input.
 * The answer is a line `ID CODE NANOSECONDS LENGTH`, then LENGTH bytes that it wrote to standard output; CODE is its exit
 * code, or 128 and the signal that ended it. Programs run side by side. Ends with the end of its standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_RUNNING = 4096 };

struct running {
  pid_t pid;
  unsigned id;
  int output;
  long long started;
};

static struct running running[MOST_RUNNING];
static int count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void take(char *bytes, size_t length) {
  if (length > 0 && fread(bytes, 1, length, stdin) != length) fail("an order was cut off");
}

static char **take_strings(unsigned number) {
  char **strings = calloc(number + 1, sizeof *strings);
  if (strings == NULL) fail("calloc");
  for (unsigned i = 0; i < number; i++) {
    size_t room = 0;
    if (getdelim(&strings[i], &room, '\0', stdin) < 0) fail("an order was cut off");
  }
  return strings;
}

static void drop_strings(char **strings) {
  for (char **each = strings; *each != NULL; each++) free(*each);
  free(strings);
}

static int memory_file(const char *name) {
  int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  return file;
}

static void write_all(int file, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(file, bytes, length);
    if (written < 0) fail("write");
    bytes += written;
    length -= (size_t)written;
  }
}

/* Gives 0 at the end of the orders. */
static int start_next(const sigset_t *usual) {
  unsigned id, words, variables;
  size_t length;
  int found = scanf("%u %u %u %zu", &id, &words, &variables, &length);
  if (found == EOF) return 0;
  if (found != 4 || getchar() != '\n' || words == 0 || count == MOST_RUNNING) {
    fputs("launcher: not an order, or too many at once\n", stderr);
    exit(1);
  }
  char **arguments = take_strings(words), **environment = take_strings(variables);
  char *bytes = malloc(length + 1);
  if (bytes == NULL) fail("malloc");
  take(bytes, length);
  int input = memory_file("input"), output = memory_file("output");
  write_all(input, bytes, length);
  free(bytes);
  if (lseek(input, 0, SEEK_SET) < 0) fail("lseek");

  struct running *each = &running[count++];
  *each = (struct running){.id = id, .output = output, .started = now()};
  each->pid = vfork();
  if (each->pid == 0) {
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0) _exit(126);
    sigprocmask(SIG_SETMASK, usual, NULL);
    execve(arguments[0], arguments, environment);
    _exit(127);
  }
  if (each->pid < 0) fail("vfork");
  close(input);
  drop_strings(arguments);
  drop_strings(environment);
  return 1;
}

static void answer(const struct running *each, int status, long long ended) {
  off_t length = lseek(each->output, 0, SEEK_END);
  char *bytes = malloc((size_t)length + 1);
  if (length < 0 || bytes == NULL || pread(each->output, bytes, (size_t)length, 0) != length) fail("read the output");
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("%u %d %lld %lld\n", each->id, code, ended - each->started, (long long)length);
  fwrite(bytes, 1, (size_t)length, stdout);
  fflush(stdout);
  free(bytes);
  close(each->output);
}

static void collect(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    long long ended = now();
    for (int i = 0; i < count; i++) {
      if (running[i].pid != pid) continue;
      answer(&running[i], status, ended);
      running[i] = running[--count];
      break;
    }
  }
}

int main(void) {
  sigset_t ends, usual;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ends, &usual);
  int children = signalfd(-1, &ends, SFD_CLOEXEC);
  if (children < 0) fail("signalfd");
  /* What poll says of standard input is true only while nothing of it waits in a buffer of ours. */
  setvbuf(stdin, NULL, _IONBF, 0);
  int is_open = 1;
  while (is_open || count > 0) {
    struct pollfd sources[] = {{children, POLLIN, 0}, {is_open ? 0 : -1, POLLIN, 0}};
    if (poll(sources, 2, -1) < 0 && errno != EINTR) fail("poll");
    if (sources[0].revents != 0) {
      struct signalfd_siginfo told;
      if (read(children, &told, sizeof told) < 0) fail("read the end of a program");
      collect();
    }
    if (sources[1].revents != 0) is_open = start_next(&usual);
  }
  return 0;
}
