/*
 * The CNI plugin as the container runtime starts it: hands the call to the node's agent and its answer back.
 *
 * A call is the CNI_* environment and a configuration on standard input (CNI specification 1.1.0). What the agent needs
 * not be asked for is answered here: VERSION, and ADD for a pod that names no network and no bandwidth. While the agent is
 * away, STATUS is well for a grace time, DEL is queued in the spool, and the others wait for it and then fail: a pod
 * never starts without the interfaces it asked for.
 *
 * The configuration may say where the agent is and for how long it may be away:
 *   "agent": {"socket": ..., "spool": ..., "waitMilliseconds": ..., "graceMilliseconds": ..., "hasDefaultNetworks": ...}
 */
#include "cni-shim/configuration.h"
#include "cni-shim/queue.h"
#include "cni-shim/reach.h"
#include <signal.h>

/*
 * STATUS and DEL can do without the agent. One that does not answer STATUS for so long, and DEL for as long as it would be
 * waited for while it is away, is as good as away. The others are not hurried: their runtime does that.
 */
enum { LEAST_PATIENCE_MILLISECONDS = 2000 };

enum verb { ADD, CHECK, DEL, GC, STATUS, VERSION };

static const struct command {
  const char *name;
  enum verb verb;
  /* Position in VERSIONS of the first that has it. */
  int since;
  /* The variables without which it means nothing. */
  const char *needs[5];
} COMMANDS[] = {
    {"ADD", ADD, 0, {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", 0}},
    {"CHECK", CHECK, VERSION_0_4_0, {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", 0}},
    {"DEL", DEL, 0, {"CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH", 0}},
    {"GC", GC, VERSION_1_1_0, {"CNI_PATH", 0}},
    {"STATUS", STATUS, VERSION_1_1_0, {"CNI_PATH", 0}},
    {"VERSION", VERSION, 0, {0}},
};

/* A call as it came. */
struct request {
  const struct command *command;
  /* The environment and the configuration, as the agent is told of them. */
  struct buffer body;
  /* The configuration; a part of the body. */
  struct text input;
  /* What it says of its version; the newest until that is known. */
  const char *version;
};

__attribute__((noreturn)) static void answer_with(const struct text *parts, int count, int code) {
  for (int i = 0; i < count; i++) {
    if (write_all(STANDARD_OUTPUT, parts[i]) == 0) continue;
    say(STANDARD_ERROR, "lanyard: the answer cannot be written to standard output\n");
    leave(1);
  }
  leave(code);
}

/* The value of an environment variable; null where it is missing or empty. */
static const char *find_variable(char **environment, const char *name) {
  for (; *environment != 0; environment++) {
    const char *entry = *environment, *wanted = name;
    while (*wanted != '\0' && *entry == *wanted) entry++, wanted++;
    if (*wanted == '\0' && *entry == '=') return entry[1] == '\0' ? 0 : entry + 1;
  }
  return 0;
}

static const struct command *find_command(char **environment) {
  const char *name = find_variable(environment, "CNI_COMMAND");
  for (unsigned i = 0; name != 0 && i < sizeof COMMANDS / sizeof *COMMANDS; i++)
    if (same(name, COMMANDS[i].name)) return &COMMANDS[i];
  fail(VERSIONS[NEWEST_VERSION], INVALID_ENVIRONMENT, NOTHING, "CNI_COMMAND is ", name == 0 ? "missing" : name,
       "; expected ADD, CHECK, DEL, GC, STATUS or VERSION");
}

static void check_variables(const struct command *command, char **environment) {
  const char *missing[2 * 4 + 1] = {0};
  int count = 0;
  for (const char *const *name = command->needs; *name != 0; name++) {
    if (find_variable(environment, *name) != 0) continue;
    if (count > 0) missing[count++] = ", ";
    missing[count++] = *name;
  }
  if (count == 0) return;
  const char *parts[4 + 2 * 4] = {command->name, " needs more of the environment; missing: "};
  for (int i = 0; i < count; i++) parts[2 + i] = missing[i];
  fail_with(VERSIONS[NEWEST_VERSION], INVALID_ENVIRONMENT, NOTHING, parts);
}

/* Whether the agent is told of a variable, NAME=VALUE. */
static int is_for_agent(const char *entry) {
  static const char *const names[] = {"CNI_", "TRACEPARENT=", "TRACESTATE=", "BAGGAGE=", "NETNS_OVERRIDE="};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    struct text rest = text_of(entry);
    if (pass_word(&rest, names[i])) return 1;
  }
  return 0;
}

/* The body: the variables, each with the null at its end, one more null, and standard input as it is. */
static void read_request(struct request *request, char **environment) {
  long result = 0;
  for (; *environment != 0 && result == 0; environment++) {
    if (!is_for_agent(*environment)) continue;
    struct text entry = text_of(*environment);
    entry.end++;
    result = append(&request->body, entry);
  }
  static const char null = '\0';
  if (result == 0) result = append(&request->body, (struct text){&null, &null + 1});
  unsigned long start = request->body.length;
  if (result == 0)
    while ((result = read_some(STANDARD_INPUT, &request->body)) > 0) continue;
  if (result == -EFBIG)
    fail(request->version, INPUT_OUTPUT_FAILURE, NOTHING,
         "standard input is too large; expected a configuration that has, with the environment, at most 16 MiB");
  if (result < 0)
    fail(request->version, INPUT_OUTPUT_FAILURE, NOTHING, "cannot read standard input: ", explain(result));
  request->input = (struct text){request->body.bytes + start, request->body.bytes + request->body.length};
}

/* The configuration without the space around it, of which everything can be read from now on. */
static void check_input(struct request *request) {
  char digits[DECIMAL_ROOM];
  struct text rest = request->input;
  pass_space(&rest);
  struct text document = rest;
  if (is_object(document) && pass_value(&rest, 0) && rest.at == rest.end) {
    request->input = document;
    return;
  }
  struct text before = {rest.at - document.at > LONGEST_PART ? rest.at - LONGEST_PART : document.at, rest.at};
  fail(request->version, UNDECODABLE, before,
       "the configuration on standard input cannot be read at byte ",
       decimal(digits, rest.at - request->input.at), "; expected a JSON object, its values at most 256 deep");
}

static void check_version(struct request *request) {
  struct text written = member(request->input, "cniVersion");
  // libcni takes a configuration without one for the oldest
  int number = written.at == 0 || says(written, "") ? 0 : -1;
  for (int i = 0; i < VERSION_COUNT; i++)
    if (says(written, VERSIONS[i])) number = i;
  if (number < 0)
    fail(request->version, INCOMPATIBLE_VERSION, written,
         "the configuration's cniVersion is not one of 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
  request->version = VERSIONS[number];
  if (number < request->command->since)
    fail(request->version, INCOMPATIBLE_VERSION, NOTHING, "the configuration's cniVersion ", request->version,
         " has no ", request->command->name, "; expected ", VERSIONS[request->command->since], " or newer");
}

/* Answers VERSION, in the version of whoever asks. */
__attribute__((noreturn)) static void tell_versions(struct request *request) {
  struct text asked = text_of("\"1.1.0\"");
  struct text rest = request->input;
  pass_space(&rest);
  if (rest.at < rest.end) {
    check_input(request);
    struct text written = member(request->input, "cniVersion");
    if (is_string(written)) asked = written;
  }
  const struct text parts[] = {
      text_of("{\"cniVersion\":"),
      asked,
      text_of(",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"),
  };
  answer_with(parts, sizeof parts / sizeof *parts, 0);
}

/* What was seen of an answer that cannot be used. */
static struct text seen_of(const struct answer *answer) {
  return (struct text){answer->received.bytes, answer->received.bytes + answer->received.length};
}

__attribute__((noreturn)) static void fail_unanswered(const struct request *request, const struct agent *agent,
                                                      const struct answer *answer, enum outcome outcome) {
  char digits[DECIMAL_ROOM];
  const char *reason = answer->error == 0 ? "it ended" : explain(answer->error);
  if (outcome == UNUSABLE)
    fail(request->version, TRY_AGAIN_LATER, seen_of(answer), "what answered at ", agent->socket,
         " is no answer of the agent's; expected HTTP/1.1 200 with lanyard-exit-code 0 or 1");
  if (outcome == BROKEN)
    fail(request->version, TRY_AGAIN_LATER, seen_of(answer), "the connection to the agent at ", agent->socket,
         " broke before the answer was whole: ", reason, "; ", decimal(digits, (long)answer->received.length),
         " bytes had come");
  fail(request->version, TRY_AGAIN_LATER, NOTHING, "the agent is away; it was waited for at ", agent->socket, " for ",
       decimal(digits, agent->wait), " ms: ", reason, "; is lanyard running on this node?");
}

/* Well for the grace time. */
static void judge_absence(const struct request *request, const struct agent *agent, long absent) {
  if (absent >= 0 && absent < agent->grace) return;
  char digits[DECIMAL_ROOM], allowed[DECIMAL_ROOM];
  if (absent < 0)
    fail(request->version, UNAVAILABLE, NOTHING, "the agent is away at ", agent->socket,
         ", and since when cannot be kept beside its socket: ", explain(absent));
  fail(request->version, UNAVAILABLE, NOTHING, "the agent has been away at ", agent->socket, " for ",
       decimal(digits, absent), " ms, more than the ", decimal(allowed, agent->grace),
       " ms that are allowed; is lanyard running on this node?");
}

static void queue(const struct request *request, struct agent *agent, struct text body) {
  long result = queue_call(agent->spool, body);
  if (result < 0)
    fail(request->version, INPUT_OUTPUT_FAILURE, NOTHING, "the agent is away, and the DEL cannot be queued in ",
         agent->spool, ": ", explain(result));
}

/* A reader that has gone and a full file are told as errors, and end nothing. */
static void hold_signals(void) {
  unsigned long set = 1UL << (SIGPIPE - 1) | 1UL << (SIGXFSZ - 1);
  call(__NR_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, sizeof set);
}

void start(long *stack) {
  char **environment = (char **)(stack + stack[0] + 2);
  // as large as they are, they lie with what is zero from the start
  static struct agent agent;
  static struct answer answer;
  struct request request = {.version = VERSIONS[NEWEST_VERSION]};

  hold_signals();
  request.command = find_command(environment);
  check_variables(request.command, environment);
  read_request(&request, environment);
  enum verb verb = request.command->verb;
  if (verb == VERSION) tell_versions(&request);
  check_input(&request);
  check_version(&request);

  struct text result = verb == ADD ? unchanged_result(request.input) : NOTHING;
  if (result.at != 0) answer_with(&result, 1, 0);

  read_agent(request.input, request.version, &agent);
  struct text body = {request.body.bytes, request.body.bytes + request.body.length};
  int can_do_without = verb == STATUS || verb == DEL;
  long patience = verb == DEL && agent.wait > LEAST_PATIENCE_MILLISECONDS ? agent.wait : LEAST_PATIENCE_MILLISECONDS;
  struct attempt attempt =
      ask(body, &agent, can_do_without ? 0 : agent.wait, can_do_without ? patience : 0, &answer);
  if (attempt.outcome == ANSWERED) answer_with(&answer.body, 1, answer.exit_code);
  if (attempt.outcome == UNUSABLE || !can_do_without) fail_unanswered(&request, &agent, &answer, attempt.outcome);
  if (verb == DEL) queue(&request, &agent, body);
  if (verb == STATUS) judge_absence(&request, &agent, attempt.absent);
  leave(0);
}
