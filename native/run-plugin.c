/*
 * Becomes a CNI plugin's program, as src/clients/plugin-process.ts wants it.
 *
 *   run-plugin PARENT NODE NAME FOLDER...
 *
 * PARENT is the number of the process that starts us: the program ends with it. NODE is the folder in /proc of a process
 * whose mounts are the node's, or "-" where they are our own. The program is the first NAME in the FOLDERs as they are
 * seen there. It is held to limits of its own, keeps our environment and standard streams, and has no arguments.
 *
 * Descriptor 3 is closed when the program runs. When it cannot be run, "WORD NUMBER" is written there and we end with
 * exit code 125: what could not be done, and the kernel's error number (errno).
 *
 * Node cannot do this by itself: a process with threads may not change to other mounts.
 */
#include "freestanding.h"
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>

enum { REPORT = 3, CANNOT_RUN = 125, NO_SUCH_FILE = 2, NAME_TOO_LONG = 36, LONGEST_PATH = 4096 };

__attribute__((noreturn)) static void fail(const char *word, long result) {
  char digits[DECIMAL_ROOM];
  say(REPORT, word);
  say(REPORT, " ");
  say(REPORT, decimal(digits, -result));
  leave(CANNOT_RUN);
}

/* The three joined, in room for the longest path that the kernel takes. */
static const char *join(char *room, const char *first, const char *second, const char *third) {
  const char *parts[] = {first, second, third};
  char *end = room;
  for (int i = 0; i < 3; i++) {
    if (end - room + length(parts[i]) >= LONGEST_PATH) fail("find", -NAME_TOO_LONG);
    for (const char *from = parts[i]; *from != '\0'; from++) *end++ = *from;
  }
  *end = '\0';
  return room;
}

static long number_in(const char *text) {
  long number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (*text - '0');
  return number;
}

/* The kernel kills us when our parent ends; one that has ended already gave us another parent. */
static void end_with(long parent) {
  call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
  if (call(__NR_getppid, 0, 0, 0, 0) != parent) leave(CANNOT_RUN);
}

/*
 * Where memory is short, a program of somebody else's ends before the node's agent does: it may always be made more
 * likely, so nothing is lost where it is not possible.
 */
static void end_before_the_agent(void) {
  long file = call(__NR_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return;
  call(__NR_write, file, (long)"500", 3, 0);
  call(__NR_close, file, 0, 0, 0);
}

/*
 * RLIMIT_DATA counts what is written to and nobody else has; RLIMIT_AS would also count the hundreds of megabytes of
 * addresses that a Go program reserves and never uses.
 */
static void limit(void) {
  static const struct {
    int resource;
    unsigned long most;
  } limits[] = {{RLIMIT_DATA, 1UL << 30}, {RLIMIT_NOFILE, 1024}, {RLIMIT_CORE, 0}};
  for (unsigned long i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    unsigned long both[2] = {limits[i].most, limits[i].most};
    long result = call(__NR_prlimit64, 0, limits[i].resource, (long)both, 0);
    if (result < 0) fail("limit", result);
  }
}

static long open_in(const char *folder, const char *name, long flags) {
  char path[LONGEST_PATH];
  long file = call(__NR_openat, AT_FDCWD, (long)join(path, folder, "/", name), flags | O_CLOEXEC, 0);
  if (file < 0) fail("enter", file);
  return file;
}

/* A process' root may be another than that of its mounts: both are taken over. */
static void enter(const char *node) {
  long mounts = open_in(node, "ns/mnt", O_RDONLY);
  long root = open_in(node, "root", O_PATH | O_DIRECTORY);
  long result = call(__NR_setns, mounts, CLONE_NEWNS, 0, 0);
  if (result >= 0) result = call(__NR_fchdir, root, 0, 0, 0);
  if (result >= 0) result = call(__NR_chroot, (long)".", 0, 0, 0);
  if (result < 0) fail("enter", result);
}

void start(long *stack) {
  long count = stack[0];
  char **arguments = (char **)(stack + 1);
  char **environment = arguments + count + 1;
  if (count < 5) fail("find", -NO_SUCH_FILE);

  call(__NR_fcntl, REPORT, F_SETFD, FD_CLOEXEC, 0);
  end_with(number_in(arguments[1]));
  end_before_the_agent();
  limit();
  if (arguments[2][0] != '-') enter(arguments[2]);

  for (long i = 4; i < count; i++) {
    char path[LONGEST_PATH];
    join(path, arguments[i], "/", arguments[3]);
    if (call(__NR_faccessat, AT_FDCWD, (long)path, 0, 0) < 0) continue;
    char *program[] = {path, 0};
    fail("run", call(__NR_execve, (long)path, (long)program, (long)environment, 0));
  }
  fail("find", -NO_SUCH_FILE);
}
