/* Folders and the clock. */
#pragma once
#include "report.h"
#include <fcntl.h>
#include <time.h>

enum { NANOSECONDS_PER_SECOND = 1000000000, NANOSECONDS_PER_MILLISECOND = 1000000 };

/* Nanoseconds of one of the kernel's clocks. */
static inline long nanoseconds(int clock) {
  struct timespec now = {0, 0};
  call(__NR_clock_gettime, clock, (long)&now, 0, 0);
  return now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

/* Since the machine started, time asleep included. */
static inline long milliseconds(void) {
  return nanoseconds(CLOCK_BOOTTIME) / NANOSECONDS_PER_MILLISECOND;
}

/* Where the name begins in an absolute path, with its slash. */
static inline char *last_slash(char *path) {
  char *slash = path;
  for (char *at = path; *at != '\0'; at++)
    if (*at == '/') slash = at;
  return slash;
}

/* Writes what a folder lists to the disk; gives 0, or a negative error number. */
static inline long sync_folder(const char *path) {
  long folder = call(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (folder < 0) return folder;
  long result = call(__NR_fsync, folder, 0, 0, 0);
  call(__NR_close, folder, 0, 0, 0);
  return result;
}

/*
 * Makes a folder, readable for its owner alone, with those above it that are missing. `path` is absolute, and may be cut
 * and mended meanwhile. Gives 0, or a negative error number; one that is there already is no error.
 */
static inline long make_folder(char *path) {
  long result = 0;
  char *slash = path;
  while (*slash != '\0' && result == 0) {
    char *end = slash + 1;
    while (*end != '/' && *end != '\0') end++;
    char mark = *end;
    *end = '\0';
    result = call(__NR_mkdirat, AT_FDCWD, (long)path, mark == '\0' ? 0700 : 0755, 0);
    if (result == -EEXIST) {
      result = 0;
    } else if (result == 0) {
      // a folder is on the disk when the one above it is
      *slash = '\0';
      result = sync_folder(slash == path ? "/" : path);
      *slash = '/';
    }
    *end = mark;
    slash = end;
  }
  return result;
}
