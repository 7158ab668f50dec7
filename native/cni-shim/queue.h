/*
 * The spool: a folder with one file for each call that the agent is still to do. Names are times, so that they sort in the
 * order in which they came; a file under its name is whole, and on the disk.
 */
#pragma once
#include "files.h"

enum { TIME_DIGITS = 20 };

/* Gives 0 when the call is safe, or a negative error number. */
static inline long queue_call(char *folder, struct text body) {
  long result = make_folder(folder);
  if (result < 0) return result;
  long directory = call(__NR_openat, AT_FDCWD, (long)folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0) return directory;

  // .TIME-PID while it is written, TIME-PID when it is whole
  char draft[1 + TIME_DIGITS + 1 + DECIMAL_ROOM];
  const char *name = draft + 1;
  char digits[DECIMAL_ROOM];
  const char *digit = decimal(digits, nanoseconds(CLOCK_REALTIME));
  char *end = draft;
  *end++ = '.';
  for (long missing = TIME_DIGITS - length(digit); missing > 0; missing--) *end++ = '0';
  while (*digit != '\0') *end++ = *digit++;
  *end++ = '-';
  for (digit = decimal(digits, call(__NR_getpid, 0, 0, 0, 0)); (*end++ = *digit) != '\0';) digit++;

  long file = call(__NR_openat, directory, (long)draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return file;
  result = write_all((int)file, body);
  if (result == 0) result = call(__NR_fsync, file, 0, 0, 0);
  if (result == 0) result = call(__NR_close, file, 0, 0, 0);
  if (result == 0) result = call_with_six(__NR_renameat2, directory, (long)draft, directory, (long)name, 0, 0);
  if (result < 0) {
    call(__NR_unlinkat, directory, (long)draft, 0, 0);
    return result;
  }
  return call(__NR_fsync, directory, 0, 0, 0);
}
