/* Reads JSON (RFC 8259) where it lies: what is found is a span of the document. */
#pragma once
#include "text.h"

/* Values deeper within others are refused. */
enum { DEEPEST_NESTING = 256 };

static inline int pass(struct text *rest, char wanted) {
  if (rest->at == rest->end || *rest->at != wanted) return 0;
  rest->at++;
  return 1;
}

static inline void pass_space(struct text *rest) {
  while (pass(rest, ' ') || pass(rest, '\n') || pass(rest, '\r') || pass(rest, '\t')) continue;
}

static inline int pass_word(struct text *rest, const char *word) {
  while (*word != '\0' && pass(rest, *word)) word++;
  return *word == '\0';
}

static inline int pass_digits(struct text *rest) {
  const char *first = rest->at;
  while (rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9') rest->at++;
  return rest->at > first;
}

static inline int pass_number(struct text *rest) {
  pass(rest, '-');
  if (!pass(rest, '0') && !pass_digits(rest)) return 0;
  if (pass(rest, '.') && !pass_digits(rest)) return 0;
  if (!pass(rest, 'e') && !pass(rest, 'E')) return 1;
  if (!pass(rest, '+')) pass(rest, '-');
  return pass_digits(rest);
}

/* The value of a hexadecimal digit; -1 where it is none. */
static inline int hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/* What follows a backslash. Gives the character's number (a UTF-16 unit), or -1. */
static inline int pass_escape(struct text *rest) {
  static const char written[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  for (int i = 0; written[i] != '\0'; i++)
    if (pass(rest, written[i])) return meant[i];
  if (!pass(rest, 'u') || rest->end - rest->at < 4) return -1;
  int unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hexadecimal(*rest->at);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
    rest->at++;
  }
  return unit;
}

static inline int pass_string(struct text *rest) {
  if (!pass(rest, '"')) return 0;
  while (!pass(rest, '"')) {
    if (rest->at == rest->end || (unsigned char)*rest->at < ' ') return 0;
    if (pass(rest, '\\')) {
      if (pass_escape(rest) < 0) return 0;
    } else {
      int count = utf8_length(rest->at, rest->end);
      if (count == 0) return 0;
      rest->at += count;
    }
  }
  return 1;
}

static int pass_value(struct text *rest, int depth);

/* What an array holds, and an object, whose values have names. */
static inline int pass_contents(struct text *rest, int depth, int is_object) {
  char last = is_object ? '}' : ']';
  pass_space(rest);
  if (pass(rest, last)) return 1;
  do {
    pass_space(rest);
    if (is_object) {
      if (!pass_string(rest)) return 0;
      pass_space(rest);
      if (!pass(rest, ':')) return 0;
    }
    if (!pass_value(rest, depth + 1)) return 0;
  } while (pass(rest, ','));
  return pass(rest, last);
}

/* Passes a value with the space around it. Where that fails, `rest` begins at what is wrong. */
static int pass_value(struct text *rest, int depth) {
  if (depth > DEEPEST_NESTING) return 0;
  pass_space(rest);
  if (rest->at == rest->end) return 0;
  int is_well = 0;
  switch (*rest->at) {
  case '{':
  case '[': {
    int is_object = *rest->at++ == '{';
    is_well = pass_contents(rest, depth, is_object);
    break;
  }
  case '"': is_well = pass_string(rest); break;
  case 't': is_well = pass_word(rest, "true"); break;
  case 'f': is_well = pass_word(rest, "false"); break;
  case 'n': is_well = pass_word(rest, "null"); break;
  default: is_well = pass_number(rest);
  }
  if (is_well) pass_space(rest);
  return is_well;
}

/* The next character of a string, as pass_escape gives it; a byte where it is not escaped. */
static inline int next_character(struct text *rest) {
  return pass(rest, '\\') ? pass_escape(rest) : (unsigned char)*rest->at++;
}

static inline int is_string(struct text value) {
  return value.at != 0 && *value.at == '"';
}

/* Passes these ASCII characters within a string, however they are escaped. */
static inline int pass_said(struct text *rest, const char *wanted) {
  while (rest->at < rest->end && *wanted != '\0')
    if (next_character(rest) != *wanted++) return 0;
  return *wanted == '\0';
}

/* Whether a value that was passed is a string that begins with these characters. */
static inline int begins_with(struct text value, const char *wanted) {
  struct text rest = {value.at + 1, value.end - 1};
  return is_string(value) && pass_said(&rest, wanted);
}

/* Whether a value that was passed is a string that says these characters and no more. */
static inline int says(struct text value, const char *wanted) {
  struct text rest = {value.at + 1, value.end - 1};
  return is_string(value) && pass_said(&rest, wanted) && rest.at == rest.end;
}

/*
 * Copies what a string says, with a null at its end. Gives 0 where it is none, where it does not fit, and where it has a
 * null or an escaped character outside ASCII within it.
 */
static inline int copy_string(struct text value, char *into, long room) {
  if (!is_string(value)) return 0;
  struct text rest = {value.at + 1, value.end - 1};
  while (rest.at < rest.end) {
    int is_escaped = *rest.at == '\\';
    int character = next_character(&rest);
    if (character == 0 || (is_escaped && character > 0x7f) || --room == 0) return 0;
    *into++ = (char)character;
  }
  *into = '\0';
  return 1;
}

/* Whether a value is this word: true, false, null. */
static inline int is_word(struct text value, const char *word) {
  return value.at != 0 && pass_word(&value, word) && value.at == value.end;
}

static inline int is_object(struct text value) {
  return value.at != 0 && *value.at == '{';
}

/* One member of an object that was passed. */
struct member {
  struct text key;
  struct text value;
};

/* Where an object's first member begins; nothing is there where it is no object. */
static inline struct text members_of(struct text object) {
  if (!is_object(object)) return NOTHING;
  struct text rest = {object.at + 1, object.end};
  pass_space(&rest);
  return rest;
}

/* Passes the next member; gives 0 where there is none. */
static inline int pass_member(struct text *rest, struct member *member) {
  if (rest->at == 0 || *rest->at != '"') return 0;
  member->key.at = rest->at;
  pass_string(rest);
  member->key.end = rest->at;
  pass_space(rest);
  pass(rest, ':');
  pass_space(rest);
  member->value.at = rest->at;
  pass_value(rest, 0);
  // the space after it is not part of it
  for (member->value.end = rest->at; member->value.end[-1] <= ' ';) member->value.end--;
  pass(rest, ',');
  pass_space(rest);
  return 1;
}

/*
 * The member of this name, of an object that was passed; the last where there are several, as JSON.parse has it.
 * Nothing where there is none, and where it is no object.
 */
static inline struct text member(struct text object, const char *name) {
  struct text found = NOTHING;
  struct text rest = members_of(object);
  struct member each;
  while (pass_member(&rest, &each))
    if (says(each.key, name)) found = each.value;
  return found;
}

/* Whether an object that was passed has a member whose name begins with these ASCII characters. */
static inline int has_member_with(struct text object, const char *beginning) {
  struct text rest = members_of(object);
  struct member each;
  while (pass_member(&rest, &each))
    if (begins_with(each.key, beginning)) return 1;
  return 0;
}
