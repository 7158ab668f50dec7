/* What the configuration says that the shim itself needs to know. */
#pragma once
#include "exchange.h"
#include "json.h"
#include <linux/limits.h>

/* Where the agent is, and for how many milliseconds it is waited for and may be away. */
struct agent {
  char socket[SOCKET_ROOM];
  char spool[PATH_MAX];
  long wait;
  long grace;
};

/*
 * What an ADD is answered with that asks for nothing of ours: the runtime has handed over the pod's annotations, and
 * neither they nor the node name a network or a bandwidth. Nothing where there is any doubt.
 */
static inline struct text unchanged_result(struct text input) {
  static const char *const asking[] = {
      "k8s.v1.cni.cncf.io/networks",
      "v1.multus-cni.io/default-network",
      "kubernetes.io/ingress-bandwidth",
      "kubernetes.io/egress-bandwidth",
  };
  struct text previous = member(input, "prevResult");
  struct text runtime = member(input, "runtimeConfig");
  struct text annotations = member(runtime, "io.kubernetes.cri.pod-annotations");
  struct text defaults = member(member(input, "agent"), "hasDefaultNetworks");
  if (!is_object(previous)) return NOTHING;
  /* containerd hands over null where a pod has none. */
  if (!is_object(annotations) && !is_word(annotations, "null")) return NOTHING;
  if (!is_word(member(input, "attachPodNetworks"), "true")) return NOTHING;
  if (defaults.at != 0 && !is_word(defaults, "false")) return NOTHING;
  if (member(runtime, "bandwidth").at != 0) return NOTHING;
  for (unsigned i = 0; i < sizeof asking / sizeof *asking; i++)
    if (member(annotations, asking[i]).at != 0) return NOTHING;
  /* Of ours also those that mean nothing: the agent refuses what is misspelt. */
  return has_member_with(annotations, "lanyard.dev/") ? NOTHING : previous;
}

static inline void read_path(struct text agent, const char *version, const char *name, char *into, long room,
                             const char *usual) {
  struct text value = member(agent, name);
  if (value.at == 0) {
    while ((*into++ = *usual++) != '\0') continue;
    return;
  }
  if (copy_string(value, into, room) && *into == '/') return;
  char digits[DECIMAL_ROOM];
  fail(version, INVALID_CONFIGURATION, value, "the configuration's agent.", name,
       " is not usable; expected a path that begins with / and has at most ", decimal(digits, room - 1), " bytes");
}

static inline long read_milliseconds(struct text agent, const char *version, const char *name, long usual) {
  struct text value = member(agent, name);
  if (value.at == 0) return usual;
  long number = number_of(value);
  if (number >= 0) return number;
  fail(version, INVALID_CONFIGURATION, value, "the configuration's agent.", name,
       " is not usable; expected a whole number of milliseconds up to 16777216");
}

/* Reads `agent` of a configuration of this version; ends with an error where it is not usable. */
static inline void read_agent(struct text input, const char *version, struct agent *agent) {
  struct text written = member(input, "agent");
  if (written.at != 0 && !is_object(written))
    fail(version, INVALID_CONFIGURATION, written, "the configuration's agent is not usable; expected an object");
  read_path(written, version, "socket", agent->socket, sizeof agent->socket, "/run/lanyard/cni.sock");
  read_path(written, version, "spool", agent->spool, sizeof agent->spool, "/var/lib/lanyard/cni-spool");
  agent->wait = read_milliseconds(written, version, "waitMilliseconds", 30000);
  agent->grace = read_milliseconds(written, version, "graceMilliseconds", 120000);
}
