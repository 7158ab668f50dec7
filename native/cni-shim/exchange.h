/* One call to the agent: `POST /v1/cni` over its unix socket, HTTP/1.1, one connection for each. */
#pragma once
#include "report.h"
#include <linux/un.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

/* Room for the path of a socket, with the null at its end. */
enum { SOCKET_ROOM = sizeof((struct sockaddr_un *)0)->sun_path };

enum outcome {
  ANSWERED,
  /* Nobody was there, or it went before it had read the call: nothing was done. */
  AWAY,
  /* The connection ended, or the time was up, before the answer was whole: something may have been done. */
  BROKEN,
  /* What came is no answer of the agent's. */
  UNUSABLE,
};

struct answer {
  /* All that came. */
  struct buffer received;
  /* For the runtime, when it was ANSWERED. */
  struct text body;
  int exit_code;
  /* Why it is AWAY or BROKEN; 0 where the connection just ended. */
  long error;
};

/* Passes a word whatever its case; `word` is in small letters. */
static inline int pass_any_case(struct text *rest, const char *word) {
  for (; *word != '\0'; word++) {
    if (rest->at == rest->end) return 0;
    char letter = *rest->at;
    if (letter >= 'A' && letter <= 'Z') letter = (char)(letter + 'a' - 'A');
    if (letter != *word) return 0;
    rest->at++;
  }
  return 1;
}

/* The value of a header; its name is written with the colon. Nothing where there is none. */
static inline struct text header(struct text head, const char *name) {
  for (struct text rest = head; rest.at < rest.end; rest.at++) {
    // a header begins where a line does
    if (*rest.at != '\n') continue;
    struct text value = {rest.at + 1, head.end};
    if (!pass_any_case(&value, name)) continue;
    while (value.at < value.end && *value.at == ' ') value.at++;
    for (value.end = value.at; value.end < head.end && *value.end != '\r' && *value.end != '\n';) value.end++;
    return value;
  }
  return NOTHING;
}

/* A whole number up to the largest buffer; -1 where it is none. */
static inline long number_of(struct text digits) {
  if (digits.at == digits.end) return -1;
  long number = 0;
  for (; digits.at < digits.end; digits.at++) {
    if (*digits.at < '0' || *digits.at > '9') return -1;
    number = number * 10 + *digits.at - '0';
    if (number > LARGEST_BUFFER) return -1;
  }
  return number;
}

/* Where the head of the answer ends, with its empty line; null while that has not come. */
static inline const char *end_of_head(struct text received) {
  for (const char *at = received.at; at + 4 <= received.end; at++)
    if (at[0] == '\r' && at[1] == '\n' && at[2] == '\r' && at[3] == '\n') return at + 4;
  return 0;
}

/* Looks at what has come; BROKEN says that more has to come. */
static inline enum outcome read_answer(struct answer *answer, int has_ended) {
  struct text received = {answer->received.bytes, answer->received.bytes + answer->received.length};
  const char *end = end_of_head(received);
  if (end == 0) return BROKEN;
  struct text head = {received.at, end};
  answer->body = (struct text){end, received.end};

  struct text length = header(head, "content-length:");
  long wanted = length.at == 0 ? (long)size_of(answer->body) : number_of(length);
  if (wanted < 0) return UNUSABLE;
  if (length.at == 0 ? !has_ended : wanted > (long)size_of(answer->body)) return BROKEN;
  answer->body.end = end + wanted;

  struct text status = head;
  struct text code = header(head, "lanyard-exit-code:");
  if (!pass_any_case(&status, "http/1.1 200 ") || header(head, "transfer-encoding:").at != 0) return UNUSABLE;
  if (code.at == 0 || size_of(code) != 1 || (*code.at != '0' && *code.at != '1')) return UNUSABLE;
  answer->exit_code = *code.at - '0';
  return ANSWERED;
}

/* A connection whose every wait is limited, where `patience` (milliseconds) is not 0; or a negative error number. */
static inline long open_connection(const char *path, long patience) {
  long connection = call(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
  if (connection < 0) return connection;
  if (patience != 0) {
    struct timeval limit = {patience / 1000, patience % 1000 * 1000};
    call_with_six(__NR_setsockopt, connection, SOL_SOCKET, SO_RCVTIMEO, (long)&limit, sizeof limit, 0);
    call_with_six(__NR_setsockopt, connection, SOL_SOCKET, SO_SNDTIMEO, (long)&limit, sizeof limit, 0);
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  for (int i = 0; (address.sun_path[i] = path[i]) != '\0';) i++;
  long result;
  do result = call(__NR_connect, connection, (long)&address, sizeof address, 0);
  while (result == -EINTR);
  if (result == 0) return connection;
  call(__NR_close, connection, 0, 0, 0);
  return result;
}

/* Sends head and body in one go where the socket takes them, so that the agent is woken once. */
static inline long send_call(int connection, struct text body) {
  char digits[DECIMAL_ROOM];
  const char *size = decimal(digits, (long)size_of(body));
  struct text parts[] = {
      text_of("POST /v1/cni HTTP/1.1\r\nHost: lanyard\r\nConnection: close\r\n"
              "Content-Type: application/octet-stream\r\nContent-Length: "),
      text_of(size),
      text_of("\r\n\r\n"),
      body,
  };
  enum { COUNT = sizeof parts / sizeof *parts };
  struct iovec vector[COUNT];
  for (int i = 0; i < COUNT; i++) vector[i] = (struct iovec){(void *)parts[i].at, size_of(parts[i])};
  long sent;
  do sent = call(__NR_writev, connection, (long)vector, COUNT, 0);
  while (sent == -EINTR);
  if (sent < 0) return sent;
  for (int i = 0; i < COUNT; i++) {
    long taken = sent < (long)size_of(parts[i]) ? sent : (long)size_of(parts[i]);
    sent -= taken;
    parts[i].at += taken;
    long result = write_all(connection, parts[i]);
    if (result < 0) return result;
  }
  return 0;
}

/* Sends the call and reads the answer. Whoever leaves without having read the call resets the connection. */
static inline enum outcome exchange(const char *path, struct text body, long patience, struct answer *answer) {
  answer->received.length = 0;
  long connection = open_connection(path, patience);
  if (connection < 0) {
    answer->error = connection;
    return AWAY;
  }
  long sent = send_call((int)connection, body);
  enum outcome outcome = BROKEN;
  long count;
  // an answer may have come before all was sent
  while ((count = read_some((int)connection, &answer->received)) > 0)
    if ((outcome = read_answer(answer, 0)) != BROKEN) break;
  if (count == 0 && answer->received.length > 0) outcome = read_answer(answer, 1);
  call(__NR_close, connection, 0, 0, 0);
  answer->error = count < 0 ? count : sent;
  if (answer->received.length == 0 && (sent < 0 || count == -ECONNRESET)) return AWAY;
  return count == -EFBIG ? UNUSABLE : outcome;
}
