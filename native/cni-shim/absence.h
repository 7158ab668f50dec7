/*
 * Since when the agent has been away. The moment is the text of a symbolic link beside the agent's socket, SOCKET.away:
 * one is made with its text in one go, and only where there is none, so that of many shims the first one's counts. It is
 * a time since the machine started, which no correction of the clock moves.
 */
#pragma once
#include "exchange.h"
#include "files.h"
#include <limits.h>

struct absence {
  char marker[SOCKET_ROOM + sizeof ".away"];
};

static inline void mark_beside(struct absence *absence, const char *socket) {
  char *end = absence->marker;
  while (*socket != '\0') *end++ = *socket++;
  for (const char *suffix = ".away"; (*end++ = *suffix) != '\0';) suffix++;
}

static inline void end_absence(const struct absence *absence) {
  call(__NR_unlinkat, AT_FDCWD, (long)absence->marker, 0, 0);
}

/* The moment that is kept, in milliseconds; a negative error number where none is. */
static inline long kept_moment(const struct absence *absence) {
  char text[DECIMAL_ROOM];
  long count = call(__NR_readlinkat, AT_FDCWD, (long)absence->marker, (long)text, sizeof text);
  if (count < 0) return count;
  long moment = 0;
  for (long i = 0; i < count; i++) {
    if (text[i] < '0' || text[i] > '9' || moment > LONG_MAX / 100) return -EINVAL;
    moment = moment * 10 + text[i] - '0';
  }
  return moment;
}

static inline long keep_moment(const struct absence *absence, long moment) {
  char digits[DECIMAL_ROOM];
  return call(__NR_symlinkat, (long)decimal(digits, moment), AT_FDCWD, (long)absence->marker, 0);
}

/* The agent is away now. Gives for how long, in milliseconds; a negative error number where that cannot be kept. */
static inline long note_absence(struct absence *absence) {
  long now = milliseconds();
  long result = keep_moment(absence, now);
  if (result == -ENOENT) {
    char *slash = last_slash(absence->marker);
    *slash = '\0';
    result = make_folder(absence->marker);
    *slash = '/';
    if (result == 0) result = keep_moment(absence, now);
  }
  if (result != -EEXIST) return result;
  long moment = kept_moment(absence);
  if (moment >= 0 && moment <= now) return now - moment;
  // of an earlier start of the machine, or not ours
  end_absence(absence);
  result = keep_moment(absence, now);
  return result == -EEXIST ? 0 : result;
}
