import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworksAnnotation } from "../../../src/model/networks-annotation.ts";

const parse = (value: unknown) => parseNetworksAnnotation(JSON.stringify(value), "pod a/b");

test("no annotation and an empty one name no network", () => {
  for (const text of [undefined, "", "  \n", "[]"]) assert.deepEqual(parseNetworksAnnotation(text, "x"), []);
});

test("a reference may name the container whose device is to be used", () => {
  const [one] = parse([{ podNetworkName: "fast", containerName: "main" }]);
  assert.equal(one?.containerName, "main");
  assert.throws(() => parse([{ podNetworkName: "fast", containerName: "Main" }]), /containerName: "Main"/);
});

test("references are read in both spellings, with names by position", () => {
  assert.deepEqual(
    parse([
      { podNetworkName: "fast", qosClassName: "gold", ips: ["10.1.1.2/24"], mac: "02:00:00:00:00:0A" },
      { podNetworkAttachmentName: "tuned", interfaceName: "data" },
      { name: "shared", isDefaultGateway: true },
      { attachmentName: "other" },
    ]),
    [
      {
        target: { kind: "PodNetwork", name: "fast" },
        interfaceName: "net1",
        qosClassName: "gold",
        ips: ["10.1.1.2/24"],
        mac: "02:00:00:00:00:0a",
        isDefaultGateway: false,
      },
      {
        target: { kind: "PodNetworkAttachment", name: "tuned" },
        interfaceName: "data",
        ips: [],
        isDefaultGateway: false,
      },
      {
        target: { kind: "PodNetwork", name: "shared" },
        interfaceName: "net3",
        ips: [],
        isDefaultGateway: true,
      },
      {
        target: { kind: "PodNetworkAttachment", name: "other" },
        interfaceName: "net4",
        ips: [],
        isDefaultGateway: false,
      },
    ],
  );
});

const faults: [string, string, RegExp][] = [
  [
    "text that is no JSON",
    "fast,shared",
    /^pod a\/b: "fast,shared" .*a JSON list such as \[\{"podNetworkName"/,
  ],
  ["a mapping", "{}", /^pod a\/b: \{\} is not usable; expected a list$/],
  ["a bare name", '["fast"]', /^pod a\/b\[0\]: "fast" .*a mapping with the fields podNetworkName/],
  [
    "no name",
    '[{"ips": []}]',
    /^pod a\/b\[0\]: .*exactly one of podNetworkName and podNetworkAttachmentName$/,
  ],
  ["two names", '[{"name": "a", "podNetworkName": "a"}]', /exactly one of podNetworkName/],
  [
    "an unknown field",
    '[{"name": "a", "interface": "net1"}]',
    /\[0\]\.interface: "net1" .*one of the fields/,
  ],
  ["a close field", '[{"name": "a", "qosClass": "g"}]', /did you mean "qosClassName"\?$/],
  ["the pod's own interface", '[{"name": "a", "interfaceName": "eth0"}]', /\[0\]\.interfaceName: "eth0"/],
  ["a name that is too long", '[{"name": "a", "interfaceName": "abcdefghijklmnop"}]', /1 to 15 bytes/],
  [
    "a name given twice",
    '[{"name": "a", "interfaceName": "x"}, {"name": "b", "interfaceName": "x"}]',
    /^pod a\/b\[1\]\.interfaceName: "x" .*entry 0 is called x too$/,
  ],
  [
    "a name that another gets by its position",
    '[{"name": "a", "interfaceName": "net2"}, {"name": "b"}]',
    /^pod a\/b\[1\]\.interfaceName is missing; .*entry 0 is called net2 too$/,
  ],
  [
    "two default gateways",
    '[{"name": "a", "isDefaultGateway": true}, {"name": "b", "isDefaultGateway": true}]',
    /\[1\]\.isDefaultGateway: true .*entry 0 is it already$/,
  ],
  [
    "an address twice",
    '[{"name": "a", "ips": ["fd00::1", "FD00:0::1"]}]',
    /\[0\]\.ips\[1\]: .*each address once$/,
  ],
];

for (const [name, text, message] of faults) {
  test(`${name} is refused`, () => {
    assert.throws(() => parseNetworksAnnotation(text, "pod a/b"), { message, code: "invalid" });
  });
}
