import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NetworkReference } from "../../../../src/model/attachment.ts";
import { parseNetworkSelection } from "../../../../src/model/cni/selection.ts";
import { mistakesOf } from "./refusals.ts";

const parse = (annotation: string | undefined) => parseNetworkSelection(annotation, "blue", "pod blue/alpha");
const parseList = (...elements: object[]) => parse(JSON.stringify(elements));

function reference(
  namespace: string,
  name: string,
  interfaceName: string,
  more: Partial<NetworkReference> = {},
) {
  const target = { kind: "NetworkAttachmentDefinition", namespace, name };
  return { target, interfaceName, ips: [], isDefaultGateway: false, ...more };
}

test("no annotation and an empty one name no network", () => {
  for (const text of [undefined, "", " \n", "[]"]) assert.deepEqual(parse(text), []);
});

test("a comma list names networks, with namespace and interface where they are written", () => {
  assert.deepEqual(parse("fast, storage/backup@bak0 ,fast,\n other / x @ y "), [
    reference("blue", "fast", "net1"),
    reference("storage", "backup", "bak0"),
    reference("blue", "fast", "net3"),
    reference("other", "x", "y"),
  ]);
});

test("a JSON list says the same with more", () => {
  const elements = [
    { name: "fast" },
    {
      name: "backup",
      namespace: "storage",
      interface: "bak0",
      ips: ["10.20.0.5/24", "fd00::5"],
      mac: "02-00-00-00-00-0A",
      "infiniband-guid": "C2:11:22:33:44:55:66:77",
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "10.0.0.1" }],
      bandwidth: { ingressRate: 1000000, ingressBurst: 80000, egressRate: 2000000, egressBurst: 90000 },
      "cni-args": { vlan: 5, "lanyard.dev/container": "main" },
      "default-route": ["10.20.0.1", "fd00::1"],
      deviceID: "0000:86:00.1",
    },
    { name: "claimed", interfaceRequest: "old0", "ipam-claim-reference": "claim" },
  ];
  assert.deepEqual(parseList(...elements), [
    reference("blue", "fast", "net1"),
    reference("storage", "backup", "bak0", {
      ips: ["10.20.0.5/24", "fd00::5"],
      mac: "02:00:00:00:00:0a",
      infinibandGuid: "c2:11:22:33:44:55:66:77",
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "10.0.0.1" }],
      bandwidth: { ingressRate: 1000000, ingressBurst: 80000, egressRate: 2000000, egressBurst: 90000 },
      cniArgs: { vlan: 5 },
      defaultGateways: ["10.20.0.1", "fd00::1"],
      deviceId: "0000:86:00.1",
      containerName: "main",
    }),
    reference("blue", "claimed", "old0"),
  ]);
});

test("fields may stand in another letter case, and empty ones say nothing", () => {
  const written = {
    Name: "fast",
    Namespace: "",
    interface: "",
    MAC: "",
    deviceId: "x",
    ips: null,
    unknown: true,
    "default-route": [],
    "cni-args": {},
  };
  assert.deepEqual(parseList(written), [reference("blue", "fast", "net1", { deviceId: "x" })]);
});

test("a key that JavaScript gives a meaning has none in an annotation", () => {
  const [told] = mistakesOf(() => parse('[{"__proto__": {"name": "fast"}}]'));
  assert.match(told ?? "", /^pod blue\/alpha\[0\]\.name is missing/);
});

test("names by position go on where the pod has networks before these", () => {
  const [first, second] = parseNetworkSelection("fast,b@x", "blue", "p", 2);
  assert.deepEqual([first?.interfaceName, second?.interfaceName], ["net3", "x"]);
});

test("interface counts before its old name", () => {
  const [read] = parseList({ name: "a", interface: "new0", interfaceRequest: "old0" });
  assert.equal(read?.interfaceName, "new0");
});

test("any list of networks is read back from both of its forms", () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/);
  const network = fc.record({
    namespace: fc.option(label, { nil: undefined }),
    name: label,
    // Neither lo nor eth0, nor a name that another gets by its position.
    interface: fc.option(fc.stringMatching(/^x[a-z0-9.-]{0,13}$/), { nil: undefined }),
  });
  const networks = fc.uniqueArray(network, { maxLength: 6, selector: (each) => each.interface ?? each });
  fc.assert(
    fc.property(networks, fc.constantFrom("", " ", "\n"), (list, space) => {
      const expected = list.map((each, index) =>
        reference(each.namespace ?? "blue", each.name, each.interface ?? `net${index + 1}`),
      );
      const commas = list.map(({ namespace, name, interface: own }) =>
        [namespace === undefined ? "" : `${namespace}/`, name, own === undefined ? "" : `@${own}`].join(""),
      );
      assert.deepEqual(parse(JSON.stringify(list)), expected);
      assert.deepEqual(parse(commas.join(`,${space}`)), expected);
    }),
  );
});

const P = "pod blue/alpha";
const NAME = "a name of lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit";
const LINK = "a link's name: 1 to 15 bytes without '/', ':', '%' and spaces, such as net1";
const FORM = "networks such as fast,storage/backup@data";

for (const [what, annotation, message] of [
  ["an empty entry of a comma list", "fast,", `${P}: "fast," is not usable; expected ${FORM}`],
  ["two namespaces", "a/b/c", `${P}: "a/b/c" is not usable; expected ${FORM}`],
  ["two interfaces", "a@b@c", `${P}: "a@b@c" is not usable; expected ${FORM}`],
  ["a name in upper case", "Fast", `${P}[0] name: "Fast" is not usable; expected ${NAME}`],
  [
    "an interface that is too long",
    "a@abcdefghijklmnop",
    `${P}[0] interface: "abcdefghijklmnop" is not usable; expected ${LINK}`,
  ],
  [
    "the pod's first interface",
    "a@eth0",
    `${P}[0] interface: "eth0" is not usable; expected a name the pod does not have yet, such as net1`,
  ],
  ["a mapping", '{"name": "a"}', `${P}: {"name":"a"} is not usable; expected a list`],
  ["no name", "[{}]", `${P}[0].name is missing; expected ${NAME}`],
  [
    "an interface with a space",
    '[{"name":"a","interface":"a b"}]',
    `${P}[0].interface: "a b" is not usable; expected ${LINK}`,
  ],
  [
    "a wrong address",
    '[{"name":"a","ips":["10.1.2.300"]}]',
    `${P}[0].ips[0]: "10.1.2.300" is not usable; expected an address such as 10.1.2.3/24 or fd00::3/64`,
  ],
  [
    "a MAC address of many",
    '[{"name":"a","mac":"ff:00:00:00:00:01"}]',
    `${P}[0].mac: "ff:00:00:00:00:01" is not usable; expected an address of one interface: the first byte is even and not all are zero, such as 02:00:00:00:00:01`,
  ],
  [
    "a GUID that is too short",
    '[{"name":"a","infiniband-guid":"c2:11:22:33:44:55"}]',
    `${P}[0]["infiniband-guid"]: "c2:11:22:33:44:55" is not usable; expected a GUID such as c2:11:22:33:44:55:66:77`,
  ],
  [
    "a port of 0",
    '[{"name":"a","portMappings":[{"hostPort":0,"containerPort":80}]}]',
    `${P}[0].portMappings[0].hostPort: 0 is not usable; expected a whole number from 1 to 65535`,
  ],
  [
    "a rate as text",
    '[{"name":"a","bandwidth":{"ingressRate":"1M"}}]',
    `${P}[0].bandwidth.ingressRate: "1M" is not usable; expected a whole number from 0 to 9007199254740991`,
  ],
  [
    "addresses beside a claim of addresses",
    '[{"name":"a","ips":["10.1.1.1/24"],"ipam-claim-reference":"c"}]',
    `${P}[0]["ipam-claim-reference"]: "c" is not usable; expected ips or ipam-claim-reference, not both`,
  ],
  [
    "two gateways of a family",
    '[{"name":"a","default-route":["10.1.1.1","10.1.1.2"]}]',
    `${P}[0]["default-route"][1]: "10.1.1.2" is not usable; expected one gateway of each family`,
  ],
  [
    "default routes by two networks",
    '[{"name":"a","default-route":["10.1.1.1"]},{"name":"b","default-route":["10.1.2.1"]}]',
    `${P}[1]["default-route"]: ["10.1.2.1"] is not usable; expected only one network with a default route: entry 0 has it already`,
  ],
  [
    "an interface twice",
    '[{"name":"a","interface":"x"},{"name":"b","interface":"x"}]',
    `${P}[1].interface: "x" is not usable; expected a name of its own: entry 0 is called x too`,
  ],
  [
    "an interface that another gets by its position",
    "a@net2,b",
    `${P}[1].interface: "net2" is not usable; expected a name of its own: entry 0 is called net2 too`,
  ],
  [
    "a value in another letter case's field",
    '[{"name":"a","DeviceID":5}]',
    `${P}[0].deviceID: 5 is not usable; expected a device as the kubelet calls it`,
  ],
] as const) {
  test(`${what} is refused`, () =>
    assert.deepEqual(
      mistakesOf(() => parse(annotation)),
      [message],
    ));
}

test("text with a quote in it that is no JSON is refused as such", () => {
  const [told] = mistakesOf(() => parse('"fast'));
  assert.match(
    told ?? "",
    /^pod blue\/alpha: ""fast" is not usable; expected a JSON list such as \[\{"name": "fast"/,
  );
});
