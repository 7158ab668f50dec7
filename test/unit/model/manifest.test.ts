import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidValueError } from "../../../src/model/errors.ts";
import { manifestKey, parseManifest } from "../../../src/model/manifest.ts";
import { InvalidObjectError } from "../../../src/model/validation.ts";

function own(kind: string, spec: unknown, metadata: unknown = { name: "x" }) {
  return { apiVersion: "lanyard.dev/v1alpha1", kind, metadata, spec };
}

function pod(annotations: Record<string, string>, containers: unknown = [{ name: "main" }]) {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "x", annotations }, spec: { containers } };
}

/** The messages of every mistake in a document. */
function mistakes(document: unknown): string[] {
  try {
    parseManifest(document, "f#1");
  } catch (error) {
    assert.ok(error instanceof InvalidObjectError);
    for (const mistake of error.mistakes) assert.ok(mistake instanceof InvalidValueError);
    assert.equal(error.code, "invalid");
    return error.mistakes.map(({ message }) => message);
  }
  return [];
}

test("a QosClass is read with rates in bits per second", () => {
  const spec = {
    egress: { guaranteed: "100M", ceiling: "200M", burst: "10ms" },
    ingress: { ceiling: "150M" },
    priority: 5,
    dscp: 46,
    vlanPriority: 3,
  };
  assert.deepEqual(parseManifest({ ...own("QosClass", spec), status: { anything: 1 } }, "f#1"), {
    kind: "QosClass",
    name: "x",
    egress: { guaranteed: 100_000_000, ceiling: 200_000_000, burst: { milliseconds: 10 } },
    ingress: { ceiling: 150_000_000 },
    priority: 5,
    dscp: 46,
    vlanPriority: 3,
  });
  assert.deepEqual(parseManifest(own("QosClass", {}), "f#1"), {
    kind: "QosClass",
    name: "x",
    egress: {},
    ingress: {},
    priority: 0,
  });
});

test("a LinkProfile is read by its type, with defaults filled in", () => {
  const nothing = { type: "static", addresses: [], routes: [], dns: {} };
  const common = { kind: "LinkProfile", name: "x", ipam: nothing, routes: [] };
  for (const [spec, expected] of [
    [
      { type: "hostDevice", resourceName: "lanyard.dev/nics" },
      { type: "hostDevice", resourceName: "lanyard.dev/nics" },
    ],
    [
      { type: "macvlan", parent: "uplink0" },
      { type: "macvlan", parent: "uplink0", mode: "bridge" },
    ],
    [
      { type: "ipvlan", parent: "uplink0" },
      { type: "ipvlan", parent: "uplink0", mode: "l2" },
    ],
    [
      { type: "vlan", parent: "uplink0", vlan: { id: 100 } },
      { type: "vlan", parent: "uplink0", vlan: { id: 100, qos: 0, protocol: "802.1Q" } },
    ],
    [
      { type: "bridge", parent: "br0", mtu: 9000, mac: "02-00-00-00-00-01", qosClassName: "gold" },
      { type: "bridge", parent: "br0", mtu: 9000, mac: "02:00:00:00:00:01", qosClassName: "gold" },
    ],
    [
      { type: "sriov", resourceName: "a.b/vfs", trust: true, spoofCheck: false, linkState: "enable" },
      { type: "sriov", resourceName: "a.b/vfs", trust: true, spoofCheck: false, linkState: "enable" },
    ],
    [
      {
        type: "macvlan",
        parent: "p",
        mode: "private",
        ipam: {
          type: "static",
          addresses: ["10.1.1.2/24", { address: "fd00::2/64", gateway: "fd00::1" }],
        },
        routes: [{ dst: "10.2.0.0/16", gw: "10.1.1.1" }, { dst: "10.3.0.0/16" }],
      },
      {
        type: "macvlan",
        parent: "p",
        mode: "private",
        ipam: {
          type: "static",
          addresses: [{ address: "10.1.1.2/24" }, { address: "fd00::2/64", gateway: "fd00::1" }],
          routes: [],
          dns: {},
        },
        routes: [{ dst: "10.2.0.0/16", gw: "10.1.1.1" }, { dst: "10.3.0.0/16" }],
      },
    ],
    [
      {
        type: "ipvlan",
        parent: "p",
        ipam: {
          type: "range",
          subnet: "10.1.1.0/24",
          rangeStart: "10.1.1.8",
          gateway: "10.1.1.1",
          routes: [{ dst: "10.2.0.0/16" }],
          dns: { nameservers: ["10.1.1.1"] },
        },
      },
      {
        type: "ipvlan",
        parent: "p",
        mode: "l2",
        ipam: {
          type: "range",
          subnet: "10.1.1.0/24",
          rangeStart: "10.1.1.8",
          gateway: "10.1.1.1",
          routes: [{ dst: "10.2.0.0/16" }],
          dns: { nameservers: ["10.1.1.1"] },
        },
      },
    ],
    [
      {
        type: "ipvlan",
        parent: "p",
        ipam: { type: "whereabouts", range: "10.1.1.0/24", nested: { a: [1] } },
      },
      {
        type: "ipvlan",
        parent: "p",
        mode: "l2",
        ipam: {
          type: "program",
          program: "whereabouts",
          written: { type: "whereabouts", range: "10.1.1.0/24", nested: { a: [1] } },
        },
      },
    ],
  ] as const) {
    assert.deepEqual(parseManifest(own("LinkProfile", spec), "f#1"), { ...common, ...expected });
  }
});

test("a PodNetwork is read with defaults filled in", () => {
  assert.deepEqual(parseManifest(own("PodNetwork", {}), "f#1"), {
    kind: "PodNetwork",
    name: "x",
    enabled: true,
    provider: "lanyard.dev/agent",
    parametersRefs: [],
  });
  const reference = { group: "lanyard.dev", kind: "LinkProfile", name: "fast" };
  const matchExpressions = [{ key: "tier", operator: "In", values: ["a"] }];
  const spec = {
    enabled: false,
    provider: "example.org/other",
    parametersRefs: [reference],
    namespaceSelector: { matchExpressions },
  };
  assert.deepEqual(parseManifest(own("PodNetwork", spec), "f#1"), {
    kind: "PodNetwork",
    name: "x",
    ...spec,
    namespaceSelector: { matchLabels: {}, matchExpressions },
  });
});

test("a PodNetworkAttachment lives in a namespace", () => {
  const spec = { podNetworkName: "fast", ips: ["10.1.1.2"], qosClassName: "gold" };
  const attachment = parseManifest(own("PodNetworkAttachment", spec), "f#1");
  assert.deepEqual(attachment, {
    kind: "PodNetworkAttachment",
    namespace: "default",
    name: "x",
    podNetworkName: "fast",
    ips: ["10.1.1.2/32"],
    qosClassName: "gold",
  });
  assert.equal(manifestKey(attachment), "PodNetworkAttachment default/x");
});

test("of a Pod only what concerns the network is read", () => {
  const document = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "alpha",
      namespace: "blue",
      uid: "u-1",
      labels: { app: "a" },
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: {
        "lanyard.dev/networks": '[{"name": "fast"}]',
        "lanyard.dev/network-namespace": "/run/netns/blue",
      },
    },
    spec: {
      nodeName: "n1",
      containers: [
        {
          name: "main",
          image: "i",
          ports: [{ containerPort: 80 }],
          resources: {
            limits: { cpu: "500m", "lanyard.dev/nics": "2", "x.kubernetes.io/y": 1, "a.b/none": 0 },
            requests: { memory: "1Gi", "lanyard.dev/nics": 2 },
          },
        },
      ],
    },
  };
  const { annotations, ...rest } = parseManifest(document, "f#1") as { annotations: unknown };
  assert.deepEqual(annotations, document.metadata.annotations);
  assert.deepEqual(rest, {
    kind: "Pod",
    name: "alpha",
    namespace: "blue",
    uid: "u-1",
    labels: { app: "a" },
    containers: [{ name: "main", image: "i", command: [], resources: { "lanyard.dev/nics": 2 } }],
    networks: [
      {
        target: { kind: "PodNetwork", name: "fast" },
        interfaceName: "net1",
        ips: [],
        isDefaultGateway: false,
      },
    ],
    networkNamespace: "/run/netns/blue",
  });
});

const faults: [string, unknown, RegExp[]][] = [
  [
    "a document that is no mapping",
    ["a"],
    [/^f#1: \["a"\] is not usable; expected a mapping with apiVersion/],
  ],
  ["no kind", {}, [/^f#1 kind is missing; expected one of PodNetwork, LinkProfile/]],
  ["a kind in the wrong letters", { kind: "podnetwork" }, [/did you mean "PodNetwork"\?$/]],
  [
    "the wrong API version",
    { apiVersion: "v1", kind: "QosClass" },
    [/^f#1 apiVersion: "v1" is not usable; expected "lanyard\.dev\/v1alpha1" for a QosClass/],
  ],
  [
    "no spec",
    own("QosClass", undefined),
    [/^f#1 spec is missing; .* a mapping with the fields egress, ingress/],
  ],
  ["no name", own("QosClass", {}, {}), [/^f#1 metadata\.name is missing; expected a name/]],
  [
    "several mistakes at once",
    own("QosClass", { egres: {}, egress: { ceiling: "500Mbit", guarantee: "1M" }, priority: 8 }),
    [
      /^f#1 spec\.egress\.ceiling: "500Mbit" .*did you mean "500M"\?$/,
      /^f#1 spec\.egress\.guarantee: "1M" .*one of the fields guaranteed, ceiling, burst; did you mean "guaranteed"\?$/,
      /^f#1 spec\.priority: 8 is not usable; expected a whole number from 0 to 7$/,
      /^f#1 spec\.egres: \{\} .*did you mean "egress"\?$/,
    ],
  ],
  [
    "a guarantee above the ceiling",
    own("QosClass", { egress: { guaranteed: "1G", ceiling: "500M" } }),
    [/^f#1 spec\.egress\.guaranteed: "1G" .*not above the ceiling of 500 Mbit\/s$/],
  ],
  [
    "a guarantee for what is received",
    own("QosClass", { ingress: { guaranteed: "1G" } }),
    [/^f#1 spec\.ingress\.guaranteed: "1G" .*one of the fields ceiling, burst$/],
  ],
  ["no type", own("LinkProfile", {}), [/^f#1 spec\.type is missing; .*one of sriov, hostDevice/]],
  [
    "a type in the wrong letters",
    own("LinkProfile", { type: "hostdevice" }),
    [/^f#1 spec\.type: "hostdevice" .*did you mean "hostDevice"\?$/],
  ],
  [
    "a field of another type",
    own("LinkProfile", { type: "hostDevice", parent: "eth1" }),
    [
      /^f#1 spec\.resourceName is missing/,
      /^f#1 spec\.parent: "eth1" .*one of the fields type, resourceName/,
    ],
  ],
  [
    "a route whose gateway is of the other family",
    own("LinkProfile", { type: "macvlan", parent: "p", routes: [{ dst: "10.0.0.0/8", gw: "fd00::1" }] }),
    [/^f#1 spec\.routes\[0\]\.gw: "fd00::1" .*same family as 10\.0\.0\.0\/8$/],
  ],
  [
    "values out of their bounds",
    own("LinkProfile", { type: "vlan", parent: "a/b", mtu: 67, vlan: { id: 4095, protocol: "802.1q" } }),
    [
      /^f#1 spec\.parent: "a\/b"/,
      /^f#1 spec\.vlan\.id: 4095 .*from 1 to 4094$/,
      /^f#1 spec\.vlan\.protocol: "802\.1q" .*did you mean "802\.1Q"\?$/,
      /^f#1 spec\.mtu: 67 .*from 68 to 65535$/,
    ],
  ],
  [
    "an IPAM section without a type",
    own("LinkProfile", { type: "bridge", parent: "br0", ipam: { subnet: "10.1.1.0/24" } }),
    [/^f#1 spec\.ipam\.type is missing; expected static, range, or the name of an IPAM plugin such as/],
  ],
  [
    "no IPAM section at all",
    own("LinkProfile", { type: "bridge", parent: "br0", ipam: "static" }),
    [/^f#1 spec\.ipam: "static" is not usable; expected an IPAM section such as \{type: static\}$/],
  ],
  [
    "a range that is none",
    own("LinkProfile", {
      type: "bridge",
      parent: "br0",
      ipam: {
        type: "range",
        subnet: "10.1.1.0/24",
        rangeStart: "10.1.2.1",
        gateway: "fd00::1",
        rangestart: "x",
      },
    }),
    [
      /^f#1 spec\.ipam\.rangestart: .*did you mean "rangeStart"\?$/,
      /^f#1 spec\.ipam\.rangeStart: "10\.1\.2\.1" is not usable; expected an address of 10\.1\.1\.0\/24$/,
      /^f#1 spec\.ipam\.gateway: "fd00::1" is not usable; expected an address of 10\.1\.1\.0\/24$/,
    ],
  ],
  [
    "a text for a boolean",
    own("PodNetwork", { enabled: "yes" }),
    [/^f#1 spec\.enabled: "yes" .*true or false$/],
  ],
  [
    "a mapping for a list",
    own("PodNetwork", { parametersRefs: {} }),
    [/^f#1 spec\.parametersRefs: \{\} .*a list$/],
  ],
  ["a provider without a path", own("PodNetwork", { provider: "agent" }), [/^f#1 spec\.provider: "agent"/]],
  ["a pod without containers", pod({}, []), [/^f#1 spec\.containers: \[\] .*at least one container$/]],
  [
    "an annotation that is no text",
    { ...pod({}), metadata: { name: "x", annotations: { a: 1 } } },
    [/^f#1 metadata\.annotations\.a: 1 .*put it in quotes$/],
  ],
  [
    "a resource that is neither Kubernetes' own nor a valid extended one",
    pod({}, [{ name: "c", resources: { limits: { "a.b/c/d": 1, "kubernetes.io/x": 1, cpu: 1 } } }]),
    [/^f#1 spec\.containers\[0\]\.resources: "a\.b\/c\/d" .*a resource with its prefix/],
  ],
  [
    "mistakes in annotations and resources of a pod together",
    pod({ "lanyard.dev/networks": '[{"name": "A"}]', "lanyard.dev/network-namespace": "blue" }, [
      {
        name: "c",
        resources: { limits: { "a.b/c": 1.5, "a.b/d": 2 }, requests: { "a.b/d": 1, "a.b/e": 1 } },
      },
      { name: "c" },
    ]),
    [
      /^f#1 metadata\.annotations lanyard\.dev\/networks\[0\]\.name: "A"/,
      /^f#1 metadata\.annotations\["lanyard\.dev\/network-namespace"\]: "blue" .*such as \/run\/netns\/blue$/,
      /^f#1 spec\.containers\[0\]\.resources\.limits\["a\.b\/c"\]: 1\.5 .*a whole number/,
      /^f#1 spec\.containers\[0\]\.resources\.requests\["a\.b\/d"\]: 1 .*the same as the limit, 2/,
      /^f#1 spec\.containers\[0\]\.resources\.limits\["a\.b\/e"\] is missing/,
      /^f#1 spec\.containers\[1\]\.name: "c" .*no other container/,
    ],
  ],
];

for (const [name, document, expected] of faults) {
  test(`${name} is told with its place, its value and what would be right`, () => {
    const messages = mistakes(document);
    assert.equal(messages.length, expected.length, messages.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(messages[index] ?? "", pattern);
  });
}
