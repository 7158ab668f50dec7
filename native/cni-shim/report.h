/* How the shim ends: with an answer on standard output, or with a CNI error there (libcni looks nowhere else). */
#pragma once
#include "text.h"

/* CNI specification 1.1.0, "Error". */
enum {
  INCOMPATIBLE_VERSION = 1,
  INVALID_ENVIRONMENT = 4,
  INPUT_OUTPUT_FAILURE = 5,
  UNDECODABLE = 6,
  INVALID_CONFIGURATION = 7,
  TRY_AGAIN_LATER = 11,
  UNAVAILABLE = 50,
};

/* The versions that are understood, oldest first. */
static const char *const VERSIONS[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
enum { VERSION_0_4_0 = 4, VERSION_1_1_0 = 6, VERSION_COUNT, NEWEST_VERSION = VERSION_COUNT - 1 };
_Static_assert(sizeof VERSIONS / sizeof *VERSIONS == VERSION_COUNT, "each version has its position");

/* Of each part of a message, no more than this is told. */
enum { LONGEST_PART = 600 };

struct report {
  char bytes[16 << 10];
  long length;
};

static inline void put(struct report *report, const char *text) {
  while (*text != '\0' && report->length < (long)sizeof report->bytes) report->bytes[report->length++] = *text++;
}

/* Puts text within a JSON string; what is no UTF-8 becomes the replacement character. */
static inline void put_escaped(struct report *report, struct text text) {
  if (size_of(text) > LONGEST_PART) text.end = text.at + LONGEST_PART;
  while (text.at < text.end) {
    int count = utf8_length(text.at, text.end);
    unsigned char byte = (unsigned char)*text.at;
    char character[] = {*text.at, '\0', '\0', '\0', '\0'};
    if (count == 0) {
      put(report, "\xef\xbf\xbd");
    } else if (byte == '"' || byte == '\\') {
      put(report, "\\");
      put(report, character);
    } else if (byte < ' ') {
      char escape[] = {'\\', 'u', '0', '0', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], '\0'};
      put(report, escape);
    } else {
      for (int i = 1; i < count; i++) character[i] = text.at[i];
      put(report, character);
    }
    text.at += count == 0 ? 1 : count;
  }
}

static inline struct text text_of(const char *characters) {
  struct text text = {characters, characters + length(characters)};
  return text;
}

/* Prints an error and ends. `version` is that of the configuration; the parts of the message end with a null. */
__attribute__((noreturn)) static inline void fail_with(const char *version, int code, struct text details,
                                                       const char *const *parts) {
  char digits[DECIMAL_ROOM];
  // as large as it is, it lies with what is zero from the start
  static struct report report;
  put(&report, "{\"cniVersion\":\"");
  put(&report, version);
  put(&report, "\",\"code\":");
  put(&report, decimal(digits, code));
  put(&report, ",\"msg\":\"lanyard: ");
  for (; *parts != 0; parts++) put_escaped(&report, text_of(*parts));
  put(&report, "\",\"details\":\"");
  put_escaped(&report, details);
  put(&report, "\"}\n");
  write_all(STANDARD_OUTPUT, (struct text){report.bytes, report.bytes + report.length});
  leave(1);
}

#define fail(version, code, details, ...) fail_with(version, code, details, (const char *const[]){__VA_ARGS__, 0})

/* What an error number (errno) that the kernel gave means, for a message. */
static inline const char *explain(long error) {
  static const struct {
    int number;
    const char *meaning;
  } known[] = {
      {EPERM, "not permitted (EPERM)"},
      {ENOENT, "no such file or folder (ENOENT)"},
      {EIO, "input/output error (EIO)"},
      {EBADF, "not open (EBADF)"},
      {EAGAIN, "it took too long (EAGAIN)"},
      {ENOMEM, "no memory left (ENOMEM)"},
      {EACCES, "permission denied (EACCES)"},
      {EEXIST, "it exists already (EEXIST)"},
      {ENOTDIR, "a part of the path is no folder (ENOTDIR)"},
      {EISDIR, "it is a folder (EISDIR)"},
      {EMFILE, "too many open files (EMFILE)"},
      {ENFILE, "too many open files on the node (ENFILE)"},
      {EFBIG, "too large (EFBIG)"},
      {ENOSPC, "no space left on the disk (ENOSPC)"},
      {EROFS, "the file system is read-only (EROFS)"},
      {EPIPE, "the other end is closed (EPIPE)"},
      {ELOOP, "too many symbolic links (ELOOP)"},
      {ENOTSOCK, "it is no socket (ENOTSOCK)"},
      {ECONNRESET, "the connection was reset (ECONNRESET)"},
      {ECONNREFUSED, "nobody listens there (ECONNREFUSED)"},
      {EDQUOT, "the disk quota is used up (EDQUOT)"},
  };
  static char unknown[6 + DECIMAL_ROOM] = "error ";
  for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].number == -error) return known[i].meaning;
  char digits[DECIMAL_ROOM];
  const char *digit = decimal(digits, -error);
  for (int i = 6; (unknown[i] = *digit) != '\0'; i++, digit++) continue;
  return unknown;
}
