import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnvironment, podOf } from "../../../../src/model/cni/environment.ts";
import { mistakesOf } from "./refusals.ts";

const ADD = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c0ffee",
  CNI_NETNS: "/run/netns/blue",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin:/usr/lib/cni:",
};
const parse = (variables: Record<string, string>) => parseEnvironment(new Map(Object.entries(variables)));
const argsOf = (text: string) => {
  const read = parse({ ...ADD, CNI_ARGS: text });
  assert.ok(read.command === "ADD");
  return read;
};

test("an ADD is read with everything a runtime says", () => {
  const variables = {
    ...ADD,
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=alpha;OTHER=a=b",
    CNI_NETNS_OVERRIDE: "TRUE",
    TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    TRACESTATE: "a=b",
    BAGGAGE: "c=d",
  };
  assert.deepEqual(parse(variables), {
    command: "ADD",
    containerId: "c0ffee",
    netns: "/run/netns/blue",
    interfaceName: "eth0",
    args: new Map([
      ["IgnoreUnknown", "1"],
      ["K8S_POD_NAME", "alpha"],
      ["OTHER", "a=b"],
    ]),
    writtenArgs: "IgnoreUnknown=1;K8S_POD_NAME=alpha;OTHER=a=b",
    path: ["/opt/cni/bin", "/usr/lib/cni"],
    allowsOwnNamespace: true,
    trace: {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
      baggage: "c=d",
    },
  });
});

test("each command needs its own variables", () => {
  const all = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
  for (const [command, needed] of [
    ["ADD", all],
    ["CHECK", all],
    ["DEL", ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"]],
    ["GC", ["CNI_PATH"]],
    ["STATUS", ["CNI_PATH"]],
    ["VERSION", []],
  ] as const) {
    const missing = mistakesOf(() => parse({ CNI_COMMAND: command, CNI_NETNS: "" })).map(
      (message) => message.split(" ")[0],
    );
    assert.deepEqual(missing, needed, command);
    assert.equal(parse({ ...ADD, CNI_COMMAND: command }).command, command);
  }
});

test("a DEL may come without the namespace", () => {
  const { CNI_NETNS: _, ...rest } = ADD;
  for (const variables of [rest, { ...rest, CNI_NETNS: "" }]) {
    assert.ok(!("netns" in parse({ ...variables, CNI_COMMAND: "DEL" })));
  }
  assert.ok("netns" in parse({ ...ADD, CNI_COMMAND: "DEL" }));
});

test("the pod is the one that Kubernetes names, or else the container itself", () => {
  const kubernetes =
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=alpha;K8S_POD_INFRA_CONTAINER_ID=c0ffee";
  assert.deepEqual(podOf(argsOf(`${kubernetes};K8S_POD_UID=u1`)), {
    namespace: "blue",
    name: "alpha",
    uid: "u1",
  });
  assert.deepEqual(podOf(argsOf(kubernetes)), { namespace: "blue", name: "alpha", uid: "c0ffee" });
  assert.deepEqual(podOf(argsOf("")), { namespace: "", name: "c0ffee", uid: "c0ffee" });
});

test("a pod of which half of the name is said is refused, because its annotations could not be found", () => {
  for (const [args, message] of [
    ["K8S_POD_NAME=alpha", "CNI_ARGS K8S_POD_NAMESPACE is missing; expected the namespace of pod alpha"],
    [
      "K8S_POD_NAMESPACE=blue;K8S_POD_NAME=",
      "CNI_ARGS K8S_POD_NAME is missing; expected the name of the pod of namespace blue",
    ],
  ] as const) {
    assert.deepEqual(
      mistakesOf(() => podOf(argsOf(args))),
      [message],
    );
  }
});

test("names that are known need no IgnoreUnknown", () => {
  const { args } = argsOf("IP=10.1.2.3/24,fd00::3/64;GATEWAY=10.1.2.1;MAC=02:00:00:00:00:01");
  assert.equal(args.get("IP"), "10.1.2.3/24,fd00::3/64");
});

const LINK = "a link's name: 1 to 15 bytes without '/', ':', '%' and spaces, such as net1";
const ID = "letters, digits, '_', '.' and '-', beginning with a letter or digit";
const PAIRS = "pairs such as IP=10.1.2.3/24;MAC=02:00:00:00:00:01";

for (const [what, variables, messages] of [
  ["no command", {}, ["CNI_COMMAND is missing; expected one of ADD, DEL, CHECK, GC, STATUS, VERSION"]],
  [
    "a command that there is not",
    { CNI_COMMAND: "add" },
    ['CNI_COMMAND: "add" is not usable; expected one of ADD, DEL, CHECK, GC, STATUS, VERSION'],
  ],
  [
    "an ADD without anything",
    { CNI_COMMAND: "ADD" },
    [
      "CNI_CONTAINERID is missing; expected the id of the pod's sandbox for ADD",
      "CNI_NETNS is missing; expected the path of the pod's network namespace for ADD",
      "CNI_IFNAME is missing; expected the name of an interface for ADD",
      "CNI_PATH is missing; expected the folders with the programs of plugins for ADD",
    ],
  ],
  [
    "an id with a path in it",
    { ...ADD, CNI_CONTAINERID: "../x" },
    [`CNI_CONTAINERID: "../x" is not usable; expected ${ID}`],
  ],
  [
    "an interface that is too long",
    { ...ADD, CNI_IFNAME: "abcdefghijklmnop" },
    [`CNI_IFNAME: "abcdefghijklmnop" is not usable; expected ${LINK}`],
  ],
  [
    "an interface with a path in it",
    { ...ADD, CNI_IFNAME: "a/b" },
    [`CNI_IFNAME: "a/b" is not usable; expected ${LINK}`],
  ],
  [
    "arguments that are no pairs",
    { ...ADD, CNI_ARGS: "IP" },
    [`CNI_ARGS: "IP" is not usable; expected ${PAIRS}`],
  ],
  [
    "arguments that nobody knows",
    { ...ADD, CNI_ARGS: "A=1;IP=10.1.2.3/24;B=2" },
    ['CNI_ARGS: "A=1;IP=10.1.2.3/24;B=2" is not usable; expected no A, B, or IgnoreUnknown=1 beside it'],
  ],
] as const) {
  test(`${what} is refused`, () =>
    assert.deepEqual(
      mistakesOf(() => parse(variables)),
      messages,
    ));
}
