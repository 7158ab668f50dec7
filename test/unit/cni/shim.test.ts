import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseCall } from "../../../src/cni/call.ts";
import { answer, answerWith, FakeAgent } from "./fake-agent.ts";
import { COMPLETE, errorOf, Place, runShim, SHIM, wellEnding } from "./shim.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 30_000 };

const VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

async function withAgent(t: TestContext, body = "done") {
  const place = new Place(t);
  const agent = await FakeAgent.listen(place.socket, answerWith(body));
  t.after(() => agent[Symbol.asyncDispose]());
  return { place, agent };
}

test("VERSION is answered without the agent, in the version that was asked in", PATIENCE, async () => {
  const asked = [...VERSIONS, "9.9.9"].map((version) => [JSON.stringify({ cniVersion: version }), version]);
  for (const [input = "", version] of [...asked, ["", "1.1.0"], [" \n", "1.1.0"], ["{}", "1.1.0"]]) {
    const { code, output } = await runShim({ CNI_COMMAND: "VERSION" }, input);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(output.toString()), { cniVersion: version, supportedVersions: VERSIONS });
  }
});

test("the agent gets what it needs of the environment, and standard input as it was", PATIENCE, async (t) => {
  const { place, agent } = await withAgent(t, '{"ips":[]}');
  const passed = {
    CNI_COMMAND: "ADD",
    ...COMPLETE,
    CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=größe",
    CNI_EMPTY: "",
    TRACEPARENT: "00-1-2-01",
    TRACESTATE: "a=b",
    BAGGAGE: "c=d",
    NETNS_OVERRIDE: "1",
  };
  const input = `\t${place.input({ name: "größe" })} \n`;
  const ending = await runShim({ ...passed, PATH: "/bin", TRACEPARENT2: "x", XCNI_PATH: "y" }, input);
  assert.deepEqual(wellEnding(ending), [0, '{"ips":[]}', ""]);
  const [call] = agent.calls;
  assert.ok(call !== undefined && agent.calls.length === 1);
  assert.match(call.head, /^POST \/v1\/cni HTTP\/1\.1\r\nHost: lanyard\r\nConnection: close\r\n/);
  const { environment, input: arrived } = parseCall(call.body);
  assert.deepEqual(Object.fromEntries(environment), passed);
  assert.equal(Buffer.from(arrived).toString(), input);
});

test("the runtime gets the agent's answer and its exit code", PATIENCE, async (t) => {
  const place = new Place(t);
  for (const command of ["ADD", "CHECK", "DEL", "GC", "STATUS"]) {
    for (const [body, code] of [["", 0] as const, ['{"code":7}\n', 1] as const]) {
      await using _agent = await FakeAgent.listen(place.socket, answerWith(body, code));
      assert.deepEqual(wellEnding(await place.run(command)), [code, body, ""], command);
    }
  }
});

test("an answer may come byte by byte, and without its length", PATIENCE, async (t) => {
  const place = new Place(t);
  const bytes = answer('{"ips":[]}');
  const slowly = await FakeAgent.listen(place.socket, (socket) => {
    let sent = 0;
    const next = () => {
      if (sent === bytes.length) socket.end();
      else socket.write(bytes.charAt(sent++), () => setImmediate(next));
    };
    next();
  });
  assert.deepEqual(wellEnding(await place.run("ADD")), [0, '{"ips":[]}', ""]);
  await slowly[Symbol.asyncDispose]();
  await using _ = await FakeAgent.listen(place.socket, (socket) =>
    socket.end("HTTP/1.1 200 OK\r\nlanyard-exit-code: 1\r\n\r\nto the end"),
  );
  assert.deepEqual(wellEnding(await place.run("ADD")), [1, "to the end", ""]);
});

test("what is no answer of the agent's is error 11, and what was seen is told", PATIENCE, async (t) => {
  const place = new Place(t);
  const head = "HTTP/1.1 200 OK\r\n";
  const unusable: readonly (readonly [bytes: string, seen: RegExp])[] = [
    ["HTTP/1.1 500 Oh\r\ncontent-length: 5\r\n\r\nwrong", /^HTTP\/1\.1 500 Oh.*wrong$/s],
    ["HTTP/1.1 413 No\r\n\r\ntoo large", /too large$/],
    [`${head}content-length: 2\r\n\r\n{}`, /\{\}$/],
    [`${head}lanyard-exit-code: 2\r\n\r\n{}`, /exit-code: 2/],
    [`${head}lanyard-exit-code: 0\r\ncontent-length: 1x\r\n\r\n{}`, /1x/],
    [`${head}lanyard-exit-code: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, /chunked/],
  ];
  for (const [bytes, seen] of unusable) {
    await using agent = await FakeAgent.listen(place.socket, (socket) => socket.end(bytes));
    for (const command of ["ADD", "DEL", "STATUS"]) {
      const { code, msg, details } = errorOf(await place.run(command));
      assert.deepEqual([code, agent.calls.length > 0], [11, true]);
      assert.match(
        msg,
        /is no answer of the agent's; expected HTTP\/1\.1 200 with lanyard-exit-code 0 or 1$/,
      );
      assert.match(details, seen);
    }
  }
});

test("an ADD whose answer is cut off fails and is not asked again", PATIENCE, async (t) => {
  const place = new Place(t);
  const input = place.input({}, { waitMilliseconds: 5_000 });
  for (const [bytes, length] of [["", 0] as const, ["HTTP/1.1", 8] as const]) {
    await using agent = await FakeAgent.listen(place.socket, (socket) => socket.end(bytes));
    const { code, msg } = errorOf(await place.run("ADD", input));
    assert.equal(code, 11);
    assert.match(msg, new RegExp(`broke before the answer was whole: it ended; ${length} bytes had come$`));
    assert.equal(agent.calls.length, 1);
  }
  const cut = answer("{}").slice(0, -1);
  await using _agent = await FakeAgent.listen(place.socket, (socket) => socket.end(cut));
  const { details } = errorOf(await place.run("ADD", input));
  assert.match(details, /\{$/);
});

test("variables that are missing are named, with all that a command needs", PATIENCE, async (t) => {
  const input = new Place(t).input();
  const needed = {
    ADD: "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH",
    CHECK: "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH",
    DEL: "CNI_CONTAINERID, CNI_IFNAME, CNI_PATH",
    GC: "CNI_PATH",
    STATUS: "CNI_PATH",
  };
  for (const [command, names] of Object.entries(needed)) {
    const { cniVersion, code, msg } = errorOf(await runShim({ CNI_COMMAND: command, CNI_NETNS: "" }, input));
    assert.deepEqual([cniVersion, code], ["1.1.0", 4]);
    assert.equal(msg, `lanyard: ${command} needs more of the environment; missing: ${names}`);
  }
  const { msg } = errorOf(await runShim({ ...COMPLETE, CNI_COMMAND: "ADD", CNI_IFNAME: "" }, input));
  assert.match(msg, /missing: CNI_IFNAME$/);
});

test("an unknown command is error 4, told in JSON whatever it is", PATIENCE, async () => {
  const hint = "; expected ADD, CHECK, DEL, GC, STATUS or VERSION";
  for (const command of ["", "add", 'A"\\\n\u0001ß']) {
    const { code, msg } = errorOf(await runShim({ CNI_COMMAND: command }, ""));
    assert.deepEqual([code, msg], [4, `lanyard: CNI_COMMAND is ${command || "missing"}${hint}`]);
  }
  const bytes = await runShim({}, "", ["/bin/sh", "-c", `CNI_COMMAND=$(printf 'A\\377') exec '${SHIM}'`]);
  assert.equal(errorOf(bytes).msg, `lanyard: CNI_COMMAND is A\ufffd${hint}`);
});

test("a configuration that cannot be read is error 6, and says where", PATIENCE, async (t) => {
  const place = new Place(t);
  const broken: readonly (readonly [string | Uint8Array, number])[] = [
    ["", 0],
    ["[]", 0],
    ["null", 0],
    ["\ufeff{}", 0],
    ['{"a":1,}', 7],
    ['{"a":01}', 6],
    ['{"a":1}x', 7],
    ['{"a":"\n"}', 6],
    ['{"a":"\\x"}', 7],
    ['{"a":tru}', 8],
    ['{"a":-}', 6],
    ['{"a" 1}', 5],
    [Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), 2],
  ];
  for (const command of ["ADD", "DEL", "STATUS"]) {
    for (const [input, position] of broken) {
      const { code, msg } = errorOf(await place.run(command, input));
      assert.equal(code, 6);
      assert.match(msg, new RegExp(`cannot be read at byte ${position}; expected a JSON object`), `${input}`);
    }
  }
});

test("values may lie 256 deep, and deeper ones are refused without a fall", PATIENCE, async () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const version = { CNI_COMMAND: "VERSION" };
  assert.equal((await runShim(version, nested(256))).code, 0);
  for (const depth of [257, 1_000_000]) assert.equal(errorOf(await runShim(version, nested(depth))).code, 6);
  assert.equal(errorOf(await runShim(version, '{"a":'.repeat(1_000_000))).code, 6);
});

test("unknown versions, and commands that a version does not have, are error 1", PATIENCE, async (t) => {
  const { place, agent } = await withAgent(t, "");
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ["ADD", "2.0.0", /not one of 0\.1\.0, .*1\.1\.0$/],
    ["DEL", "1.1", /not one of/],
    ["GC", "1.0.0", /1\.0\.0 has no GC; expected 1\.1\.0 or newer$/],
    ["STATUS", "1.0.0", /has no STATUS; expected 1\.1\.0/],
    ["CHECK", "0.3.1", /has no CHECK; expected 0\.4\.0/],
  ];
  for (const [command, cniVersion, message] of refused) {
    const { code, msg } = errorOf(await place.run(command, place.input({ cniVersion })));
    assert.equal(code, 1);
    assert.match(msg, message);
  }
  assert.equal(errorOf(await place.run("GC", place.input({ cniVersion: "1.0.0" }))).cniVersion, "1.0.0");
  for (const cniVersion of [undefined, "", ...VERSIONS]) {
    assert.equal((await place.run("ADD", place.input({ cniVersion }))).code, 0);
  }
  assert.equal((await place.run("CHECK", place.input({ cniVersion: "0.4.0" }))).code, 0);
  assert.equal(agent.calls.length, 3 + VERSIONS.length);
});

test("an agent that is described wrongly is error 7 with what would be right", PATIENCE, async (t) => {
  const place = new Place(t);
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ socket: 7 }, /agent\.socket is not usable; expected a path .* at most 107 bytes$/],
    [{ socket: "cni.sock" }, /agent\.socket/],
    [{ socket: `/${"x".repeat(107)}` }, /agent\.socket/],
    [{ spool: "/a\u0000b" }, /agent\.spool is not usable; expected a path .* at most 4095 bytes$/],
    [{ waitMilliseconds: -1 }, /agent\.waitMilliseconds is not usable; expected a whole number/],
    [{ graceMilliseconds: "5" }, /agent\.graceMilliseconds/],
    [{ graceMilliseconds: 16_777_217 }, /agent\.graceMilliseconds/],
  ];
  for (const [agent, message] of wrong) {
    const { code, msg } = errorOf(await place.run("ADD", place.input({}, agent)));
    assert.equal(code, 7);
    assert.match(msg, message);
  }
  const list = JSON.stringify({ cniVersion: "1.1.0", agent: [] });
  assert.match(errorOf(await place.run("ADD", list)).msg, /agent is not usable; expected an object$/);
});

test("paths may be escaped in the configuration", PATIENCE, async (t) => {
  const { place } = await withAgent(t);
  const input = place
    .input()
    .replaceAll("/cni.sock", "\\/cn\\u0069.sock")
    .replace('"socket"', '"s\\u006fcket"');
  assert.deepEqual(wellEnding(await place.run("ADD", input)), [0, "done", ""]);
});

/** A configuration of a pod that asks for nothing of ours; `prevResult` keeps its unusual spelling. */
function chained(
  place: Place,
  changes: object = {},
  annotations: object | string | null = { app: "web" },
): string {
  const rest = {
    attachPodNetworks: true,
    runtimeConfig: { "io.kubernetes.cri.pod-annotations": annotations },
    ...changes,
  };
  return place.input(rest).replace("{", `{"prevResult": ${PREVIOUS} ,`);
}

const PREVIOUS = '{ "cniVersion":"1.1.0",\n "ips" : [{"address":"10.0.0.7\\/24"}], "größe": 1e0 }';

test("a pod that asks for nothing gets the previous result as it was, agent or not", PATIENCE, async (t) => {
  const { place, agent } = await withAgent(t);
  const unchanged = [
    chained(place),
    chained(place, {}, {}),
    // containerd's word for a pod that has none
    chained(place, {}, null),
    chained(place, {}, { "lanyard.de": "x", "k8s.v1.cni.cncf.io/network-status": "[]" }),
    chained(place).replace('"agent":{', '"agent":{"hasDefaultNetworks":false,'),
    // the last of two counts
    chained(place).replace("{", '{"prevResult":null,"attachPodNetworks":false,'),
  ];
  for (const input of unchanged)
    assert.deepEqual(wellEnding(await place.run("ADD", input)), [0, PREVIOUS, ""]);
  await agent[Symbol.asyncDispose]();
  assert.deepEqual(wellEnding(await place.run("ADD", chained(place))), [0, PREVIOUS, ""]);
  assert.equal(agent.calls.length, 0);
});

test("the agent is asked for a pod that asks for something, and in any doubt", PATIENCE, async (t) => {
  const { place, agent } = await withAgent(t);
  const asking = [
    "lanyard.dev/networks",
    "lanyard.dev/network",
    "lanyard.dev/",
    "k8s.v1.cni.cncf.io/networks",
    "v1.multus-cni.io/default-network",
    "kubernetes.io/ingress-bandwidth",
    "kubernetes.io/egress-bandwidth",
  ];
  const escaped = ["lanyard.dev\\/networks", "lanyard\\u002Edev\\u002fnetwork\\u0073"];
  const annotations = (key: string) => chained(place, {}, { app: "web", KEY: "" }).replace("KEY", key);
  const inputs = [
    ...[...asking, ...escaped].map(annotations),
    chained(place, { runtimeConfig: undefined }),
    chained(place, { runtimeConfig: [] }),
    chained(place, {}, "none"),
    chained(place, { attachPodNetworks: false }),
    chained(place, { attachPodNetworks: "true" }),
    chained(place, { attachPodNetworks: undefined }),
    chained(place, { runtimeConfig: { "io.kubernetes.cri.pod-annotations": {}, bandwidth: {} } }),
    chained(place).replace('"agent":{', '"agent":{"hasDefaultNetworks":true,'),
    chained(place).replace('"agent":{', '"agent":{"hasDefaultNetworks":0,'),
    chained(place).replace(PREVIOUS, "null"),
    chained(place).replace(`"prevResult": ${PREVIOUS} ,`, ""),
  ];
  for (const [index, input] of inputs.entries()) {
    assert.deepEqual(wellEnding(await place.run("ADD", input)), [0, "done", ""], input);
    assert.equal(agent.calls.length, index + 1, input);
  }
  for (const command of ["CHECK", "DEL"]) {
    assert.deepEqual(wellEnding(await place.run(command, chained(place))), [0, "done", ""]);
  }
});

test("a megabyte of annotations is passed on whole, more than 16 MiB are refused", PATIENCE, async (t) => {
  const { place, agent } = await withAgent(t, `{"a":"${"b".repeat(3_000_000)}"}`);
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`n${i}`, "x\n".repeat(50)]));
  const small = await place.run("ADD", chained(place, {}, many));
  assert.deepEqual(wellEnding(small), [0, PREVIOUS, ""]);
  const input = chained(place, {}, { ...many, "lanyard.dev/networks": "[]" });
  const { code, output } = await place.run("ADD", input);
  assert.deepEqual([code, output.length], [0, 3_000_008]);
  const [call] = agent.calls;
  assert.ok(call !== undefined);
  assert.ok(Buffer.from(parseCall(call.body).input).equals(Buffer.from(input)));
  const { code: refusal, msg } = errorOf(await place.run("ADD", " ".repeat(17 << 20)));
  assert.equal(refusal, 5);
  assert.match(msg, /too large; expected .* at most 16 MiB$/);
});

test("standard streams that are closed are told and no fall", PATIENCE, async (t) => {
  const place = new Place(t);
  const shell = (script: string) =>
    runShim({ ...COMPLETE, CNI_COMMAND: "ADD" }, chained(place), ["/bin/sh", "-c", script]);
  const { code, msg } = errorOf(await shell(`exec '${SHIM}' <&-`));
  assert.deepEqual([code, msg], [5, "lanyard: cannot read standard input: not open (EBADF)"]);
  const lost = "lanyard: the answer cannot be written to standard output\n";
  assert.deepEqual(wellEnding(await shell(`exec '${SHIM}' >&-`)), [1, "", lost]);
  // A FIFO whose only reader goes as soon as it is open.
  const gone = `mkfifo '${place.root}/f'; true <'${place.root}/f' & exec 3>'${place.root}/f'; wait; exec '${SHIM}' >&3`;
  assert.deepEqual(wellEnding(await shell(gone)), [1, "", lost]);
});
