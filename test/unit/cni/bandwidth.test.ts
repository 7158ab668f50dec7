import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { annotatedLimits, meaningfulLimits } from "../../../src/cni/bandwidth.ts";

describe("a pod's bandwidth", () => {
  test("is read from its annotations, as quantities", () => {
    const limits = annotatedLimits(
      { "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "1Gi" },
      "pod a/b",
    );
    assert.deepEqual(limits, { ingressRate: 10_000_000, egressRate: 2 ** 30 });
  });

  test("that cannot be read is told with its annotation", () => {
    const message = /^pod a\/b kubernetes\.io\/egress-bandwidth: "fast" is not usable/;
    assert.throws(() => annotatedLimits({ "kubernetes.io/egress-bandwidth": "fast" }, "pod a/b"), {
      message,
    });
  });

  for (const [what, told, meant] of [
    ["is none where nothing is told", undefined, undefined],
    ["is none where the rates are 0", { ingressRate: 0, egressRate: 0, ingressBurst: 1e6 }, undefined],
    ["has one direction alone", { egressRate: 5e6, ingressBurst: 1e6 }, { egressRate: 5e6 }],
    [
      "keeps a burst that means something",
      { ingressRate: 5e6, ingressBurst: 1e6 },
      { ingressRate: 5e6, ingressBurst: 1e6 },
    ],
    [
      "has no burst where containerd says the largest",
      { ingressRate: 5e6, ingressBurst: 4_294_967_295 },
      { ingressRate: 5e6 },
    ],
    [
      "has no burst where an old kubelet says the largest",
      { egressRate: 5e6, egressBurst: 2_147_483_647 },
      { egressRate: 5e6 },
    ],
  ] as const) {
    test(what, () => assert.deepEqual(meaningfulLimits(told), meant));
  }
});
