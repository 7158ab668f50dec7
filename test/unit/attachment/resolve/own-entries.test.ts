import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NetworkReference } from "../../../../src/model/attachment.ts";
import { definition, document, pod, profile, reference, Scene, selected } from "./scene.ts";

const MACVLAN = { type: "macvlan", master: "up1" };
const OBJECTS = [
  ...profile("fast", {
    type: "macvlan",
    parent: "up1",
    ipam: { type: "static", addresses: ["10.1.0.9/24"] },
  }),
  document(
    "PodNetworkAttachment",
    "tuned",
    { podNetworkName: "fast", mac: "02:00:00:00:00:07" },
    pod.namespace,
  ),
  document("QosClass", "gold", { egress: { ceiling: "50M" } }),
  document("QosClass", "silver", { egress: { ceiling: "20M" } }),
  document("PodNetwork", "around", {
    parametersRefs: [
      {
        group: "k8s.cni.cncf.io",
        kind: "NetworkAttachmentDefinition",
        namespace: pod.namespace,
        name: "nad",
      },
    ],
  }),
];

type Config = Record<string, unknown> | readonly Record<string, unknown>[];

function scene(config: Config): Scene {
  return new Scene({ definitions: [definition("nad", config)], objects: OBJECTS });
}

function request(config: Config, one: Partial<NetworkReference> = {}) {
  return scene(config).request(selected("nad", one));
}

describe("a network whose plugin is ours", () => {
  test("is the PodNetwork or the PodNetworkAttachment that it names, and no program is run", async () => {
    const { link, addresses, podNetworkName } = await request({ type: "lanyard", podNetworkName: "fast" });
    assert.deepEqual(
      [link, addresses, podNetworkName],
      [{ type: "macvlan", parent: "up1", mode: "bridge" }, ["10.1.0.9/24"], "fast"],
    );
    const tuned = await request({ type: "lanyard", podNetworkAttachmentName: "tuned" });
    assert.equal(tuned.mac, "02:00:00:00:00:07");
  });

  test("gives its class before the rates that a pod wishes for", async () => {
    const bandwidth = { egressRate: 900_000_000 };
    const held = await request(
      { type: "lanyard", podNetworkName: "fast", qosClassName: "gold" },
      { bandwidth },
    );
    assert.equal(held.qosClass?.egress.ceiling, 50_000_000);
    const free = await request({ type: "lanyard", podNetworkName: "fast" }, { bandwidth });
    assert.equal(free.qosClass?.egress.ceiling, 900_000_000);
  });

  test("lets pods wish for what it says it takes, and for nothing else", async () => {
    const wish = { ips: ["10.1.0.5/24"] };
    const entry = { type: "lanyard", podNetworkName: "fast", capabilities: { ips: true } };
    assert.deepEqual((await request(entry, wish)).addresses, ["10.1.0.5/24"]);
    const silent = scene({ type: "lanyard", podNetworkName: "fast" });
    assert.match(await silent.error(selected("nad", wish)), /ips: .* a plugin that declares .*"ips": true/);
  });

  test("holds what the plugins before it make to a class, the last one's where there are several", async () => {
    const chain = [MACVLAN, { type: "lanyard", qosClassName: "silver" }, { type: "tuning", mtu: 1300 }];
    const held = await request(chain, { bandwidth: { egressRate: 900_000_000 } });
    assert.deepEqual([held.link.type, held.mtu, held.programs], ["macvlan", 1300, undefined]);
    assert.equal(held.qosClass?.egress.ceiling, 20_000_000);
    const twice = await request([...chain, { type: "lanyard", qosClassName: "gold" }]);
    assert.equal(twice.qosClass?.egress.ceiling, 50_000_000);
    const around = await scene(chain).request(reference("around"));
    assert.equal(around.qosClass?.egress.ceiling, 20_000_000);
  });

  test("does not lead back to itself", async () => {
    const error = await scene({ type: "lanyard", podNetworkName: "around" }).error(selected("nad"));
    assert.match(error, /PodNetwork "around" refers to a network that is a PodNetwork itself/);
  });

  for (const [what, config] of [
    ["asks for the networks of the pod's annotations", { type: "lanyard", attachPodNetworks: true }],
    ["is to shape what nobody made", [{ type: "lanyard", qosClassName: "gold" }, MACVLAN]],
    ["makes an interface behind another plugin", [MACVLAN, { type: "lanyard", podNetworkName: "fast" }]],
    [
      "has others behind its own interface",
      [{ type: "lanyard", podNetworkName: "fast" }, { type: "tuning" }],
    ],
  ] as const) {
    test(`is refused when it ${what}`, async () => {
      const message =
        /^pod shop\/web, interface net1: network shop\/nad: the plugin lanyard stands alone with podNetworkName/;
      assert.match(await scene(config).error(selected("nad")), message);
    });
  }

  test("is told what it may say when it says nothing", async () => {
    const error = await scene({ type: "lanyard" }).error(selected("nad"));
    assert.match(
      error,
      /^pod shop\/web, interface net1: network shop\/nad, plugin lanyard: .*podNetworkName/,
    );
  });
});
