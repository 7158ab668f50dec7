/* Reaching an agent that may be away. */
#pragma once
#include "absence.h"
#include "configuration.h"
#include <poll.h>
#include <sys/inotify.h>

/* While the agent is away, it is looked for this often; sooner when something happens beside its socket. */
enum { RETRY_MILLISECONDS = 50 };

/* Told when anything is made in or moved to the folder of a path; negative where that cannot be. */
static inline long watch_folder(char *path) {
  long watch = call(__NR_inotify_init1, IN_NONBLOCK | IN_CLOEXEC, 0, 0, 0);
  char *slash = last_slash(path);
  *slash = '\0';
  call(__NR_inotify_add_watch, watch, (long)(slash == path ? "/" : path), IN_CREATE | IN_MOVED_TO, 0);
  *slash = '/';
  return watch;
}

static inline void await_change(long watch, long limit) {
  struct pollfd polled = {.fd = (int)watch, .events = POLLIN};
  struct timespec time = {limit / 1000, limit % 1000 * NANOSECONDS_PER_MILLISECOND};
  call_with_six(__NR_ppoll, (long)&polled, 1, (long)&time, 0, 0, 0);
  char events[4096];
  while (call(__NR_read, watch, (long)events, sizeof events, 0) > 0) continue;
}

/* How an agent was found. */
struct attempt {
  enum outcome outcome;
  /* For how long it has been away, in milliseconds; negative where that cannot be told. */
  long absent;
};

/* Asks the agent, and while it is away again and again for so many milliseconds. */
static inline struct attempt ask(struct text body, struct agent *agent, long wait, long patience,
                                 struct answer *answer) {
  struct absence absence;
  mark_beside(&absence, agent->socket);
  long deadline = milliseconds() + wait;
  long watch = -1;
  for (;;) {
    enum outcome outcome = exchange(agent->socket, body, patience, answer);
    if (outcome == ANSWERED || outcome == UNUSABLE) {
      end_absence(&absence);
      return (struct attempt){outcome, 0};
    }
    long absent = note_absence(&absence);
    long left = deadline - milliseconds();
    if (outcome == BROKEN || left <= 0) return (struct attempt){outcome, absent};
    if (watch < 0) watch = watch_folder(agent->socket);
    await_change(watch, left < RETRY_MILLISECONDS ? left : RETRY_MILLISECONDS);
  }
}
