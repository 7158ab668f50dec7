import assert from "node:assert/strict";
import test from "node:test";
import { planQos } from "../../../src/qos/plan.ts";
import { kernelWithout, LINK, outline, qosClass } from "./world.ts";

const both = qosClass({ egress: { ceiling: 100e6 }, ingress: { ceiling: 30e6 } });

const ladders = [
  {
    title: "a kernel that has everything shapes with htb and fq_codel, and ifb and tbf",
    absent: [],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: ["qdisc tbf ifb", "qdisc ingress pod", "filter u32 pod"],
    backends: ["htb + fq_codel", "ifb + tbf"],
  },
  {
    title: "without fq_codel the queue is a bfifo",
    absent: ["fq_codel"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc bfifo pod"],
    ingress: ["qdisc tbf ifb", "qdisc ingress pod", "filter u32 pod"],
    backends: ["htb + bfifo", "ifb + tbf"],
  },
  {
    title: "without htb tbf shapes both directions",
    absent: ["htb"],
    egress: ["qdisc tbf pod"],
    ingress: ["qdisc tbf ifb", "qdisc ingress pod", "filter u32 pod"],
    backends: ["tbf", "ifb + tbf"],
  },
  {
    title: "without any queue to put under it htb is not used",
    absent: ["fq_codel", "bfifo"],
    egress: ["qdisc tbf pod"],
    ingress: ["qdisc tbf ifb", "qdisc ingress pod", "filter u32 pod"],
    backends: ["tbf", "ifb + tbf"],
  },
  {
    title: "without tbf htb shapes both directions",
    absent: ["tbf", "fq_codel"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc bfifo pod"],
    ingress: ["qdisc htb ifb", "class htb ifb", "qdisc bfifo ifb", "qdisc ingress pod", "filter u32 pod"],
    backends: ["htb + bfifo", "ifb + htb + bfifo"],
  },
  {
    title: "without ingress and u32, clsact and matchall take their places",
    absent: ["ingress", "u32"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: ["qdisc tbf ifb", "qdisc clsact pod", "filter matchall pod"],
    backends: ["htb + fq_codel", "ifb + tbf"],
  },
  {
    title: "without ifb what arrives is policed",
    absent: ["ifb"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: ["qdisc ingress pod", "filter u32 pod"],
    backends: ["htb + fq_codel", "police"],
    notEnforced: /dropped instead of queued/,
  },
  {
    title: "without mirred what arrives is policed",
    absent: ["mirred", "u32"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: ["qdisc ingress pod", "filter matchall pod"],
    backends: ["htb + fq_codel", "police"],
    notEnforced: /dropped instead of queued/,
  },
  {
    title: "without a way to hold what arrives, that is said",
    absent: ["ifb", "police"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: [],
    backends: ["htb + fq_codel", ""],
    notEnforced: /^The ingress ceiling of 30 Mbit\/s is not held: this kernel can neither/,
  },
  {
    title: "without a hook nothing can be done with what arrives",
    absent: ["ingress", "clsact"],
    egress: ["qdisc htb pod", "class htb pod", "qdisc fq_codel pod"],
    ingress: [],
    backends: ["htb + fq_codel", ""],
    notEnforced: /ingress ceiling/,
  },
  {
    title: "without a shaper nothing is planned and both ceilings are said not to hold",
    absent: ["htb", "tbf", "police"],
    egress: [],
    ingress: [],
    backends: ["", ""],
    notEnforced:
      /^The egress ceiling of 100 Mbit\/s is not held: this kernel has neither the qdisc htb nor tbf/,
  },
];
for (const { title, absent, egress, ingress, backends, notEnforced } of ladders) {
  test(title, () => {
    const plan = planQos(both, LINK, kernelWithout(...absent));
    assert.deepEqual(outline(plan.egress), egress);
    assert.deepEqual(outline(plan.ingress), ingress);
    assert.deepEqual([plan.effective.egressBackend, plan.effective.ingressBackend], backends);
    assert.equal(
      plan.needsIfb,
      ingress.some((line) => line.endsWith("ifb")),
    );
    assert.equal(plan.effective.egressCeiling, egress.length > 0 ? 100e6 : undefined);
    assert.equal(plan.effective.ingressCeiling, ingress.length > 0 ? 30e6 : undefined);
    if (notEnforced === undefined) assert.deepEqual(plan.effective.notEnforced, []);
    else assert.match(plan.effective.notEnforced[0] ?? "", notEnforced);
  });
}

test("a class without limits plans nothing and leaves the link's packet size", () => {
  const plan = planQos(qosClass({}), { ...LINK, gsoMaxSize: 32_768 }, kernelWithout());
  assert.deepEqual(plan, {
    egress: [],
    ingress: [],
    needsIfb: false,
    gsoMaxSize: 32_768,
    effective: { className: "gold", egressBackend: "", ingressBackend: "", notEnforced: [] },
  });
});

test("a limit in one direction plans nothing in the other", () => {
  const sending = planQos(qosClass({ egress: { ceiling: 1e9 } }), LINK, kernelWithout());
  assert.deepEqual(sending.ingress, []);
  assert.equal(sending.effective.ingressCeiling, undefined);
  const receiving = planQos(qosClass({ ingress: { ceiling: 1e9 } }), LINK, kernelWithout());
  assert.deepEqual(receiving.egress, []);
  assert.equal(receiving.gsoMaxSize, 65_536);
});

test("the class has the ceiling as its rate too, for it has nobody to borrow from; the guarantee is said not to hold", () => {
  const wanted = qosClass({ egress: { guaranteed: 50e6, ceiling: 200e6 }, priority: 2 });
  const plan = planQos(wanted, LINK, kernelWithout("fq_codel"));
  assert.deepEqual(plan.egress[1], {
    object: "class",
    spec: {
      link: "pod",
      parent: "root",
      handle: 0x10010,
      kind: "htb",
      rate: 200e6,
      ceil: 200e6,
      burst: 250_000, // 10 ms of the ceiling
      cburst: 250_000, // 10 ms of the ceiling
      prio: 5,
      quantum: 50_000, // one packet: 2 ms of the ceiling
    },
  });
  assert.equal(plan.effective.egressGuaranteed, 50e6);
  assert.match(
    plan.effective.notEnforced[0] ?? "",
    /^The guaranteed 50 Mbit\/s is not held against other pods/,
  );
  assert.match(plan.effective.notEnforced[1] ?? "", /^The priority 2 does not rank this pod/);
});

test("a guarantee without a ceiling limits nothing on the pod's link, and that is said", () => {
  const plan = planQos(qosClass({ egress: { guaranteed: 50e6 } }), LINK, kernelWithout());
  assert.deepEqual(plan.egress, []);
  assert.equal(plan.effective.egressGuaranteed, undefined);
  assert.match(plan.effective.notEnforced[0] ?? "", /guaranteed 50 Mbit/);
});

test("marks a pod's link cannot set are said", () => {
  const plan = planQos(qosClass({ dscp: 46, vlanPriority: 5 }), LINK, kernelWithout());
  assert.match(plan.effective.notEnforced.join(" "), /DSCP 46 .* VLAN priority 5 .* macvlan/);
});

test("a burst smaller than one frame is raised to one, and that is said", () => {
  const wanted = qosClass({ egress: { ceiling: 1e9, burst: { bytes: 1500 } } });
  const plan = planQos(wanted, { ...LINK, mtu: 9000 }, kernelWithout());
  const [, shaper] = plan.egress;
  assert.ok(shaper?.object === "class" && shaper.spec.kind === "htb");
  assert.equal(shaper.spec.cburst, 9018);
  assert.match(plan.effective.notEnforced[0] ?? "", /egress burst is smaller than one frame/);
});

test("a rate the kernel cannot hold exactly is reported as it is held", () => {
  const plan = planQos(
    qosClass({ egress: { ceiling: 1_000_003 }, ingress: { ceiling: 1_000_005 } }),
    LINK,
    kernelWithout(),
  );
  assert.equal(plan.effective.egressCeiling, 1_000_000);
  assert.equal(plan.effective.ingressCeiling, 1_000_008);
});

const sizes = [
  {
    title: "1 Mbit/s",
    ceiling: 1e6,
    mtu: 1500,
    cburst: 3000,
    gso: 3000,
    egressLimit: 24_288,
    tbfBurst: 3000,
    tbfLimit: 24_288,
  },
  {
    title: "10 Mbit/s",
    ceiling: 10e6,
    mtu: 1500,
    cburst: 12_500,
    gso: 3000,
    egressLimit: 31_250,
    tbfBurst: 12_500,
    tbfLimit: 31_250,
  },
  {
    title: "50 Mbit/s",
    ceiling: 50e6,
    mtu: 1500,
    cburst: 62_500,
    gso: 12_500,
    egressLimit: 156_250,
    tbfBurst: 62_500,
    tbfLimit: 156_250,
  },
  {
    title: "1 Gbit/s",
    ceiling: 1e9,
    mtu: 1500,
    cburst: 1_250_000,
    gso: 65_536,
    egressLimit: 3_125_000,
    tbfBurst: 1_250_000,
    tbfLimit: 3_125_000,
  },
  {
    title: "100 Gbit/s",
    ceiling: 100e9,
    mtu: 9000,
    cburst: 125e6,
    gso: 65_536,
    egressLimit: 312_500_000,
    tbfBurst: 125e6,
    tbfLimit: 312_500_000,
  },
];
for (const { title, ceiling, mtu, cburst, gso, egressLimit, tbfBurst, tbfLimit } of sizes) {
  test(`sizes at ${title}`, () => {
    const wanted = qosClass({ egress: { ceiling }, ingress: { ceiling } });
    const plan = planQos(wanted, { ...LINK, mtu }, kernelWithout("fq_codel"));
    const [, shaper, leaf] = plan.egress;
    const [tbf] = plan.ingress;
    assert.ok(shaper?.object === "class" && shaper.spec.kind === "htb");
    assert.ok(leaf?.object === "qdisc" && leaf.spec.kind === "bfifo");
    assert.ok(tbf?.object === "qdisc" && tbf.spec.kind === "tbf");
    assert.deepEqual([shaper.spec.rate, shaper.spec.ceil, shaper.spec.cburst], [ceiling, ceiling, cburst]);
    assert.deepEqual([plan.gsoMaxSize, shaper.spec.quantum, leaf.spec.limit], [gso, gso, egressLimit]);
    assert.deepEqual([tbf.spec.rate, tbf.spec.burst, tbf.spec.limit], [ceiling, tbfBurst, tbfLimit]);
  });
}

test("no queue is smaller than two of the packets that come into it", () => {
  for (const ceiling of [1e3, 64e3, 1e6, 20e6, 300e6, 1e9, 25e9, 100e9, 800e9]) {
    for (const mtu of [1280, 1500, 9000, 65_535]) {
      for (const absent of [["fq_codel"], ["fq_codel", "tbf"]]) {
        const wanted = qosClass({ egress: { ceiling }, ingress: { ceiling } });
        const plan = planQos(wanted, { ...LINK, mtu }, kernelWithout(...absent));
        for (const { spec } of [...plan.egress, ...plan.ingress]) {
          if (spec.kind === "bfifo") {
            assert.ok(
              spec.limit >= 2 * (spec.link === "pod" ? plan.gsoMaxSize : 65_536),
              `${ceiling} ${mtu}`,
            );
          }
          if (spec.kind === "tbf") assert.ok(spec.burst > mtu && spec.limit >= 2 * mtu, `${ceiling} ${mtu}`);
          if (spec.kind === "htb" && "quantum" in spec)
            assert.ok(spec.quantum >= 1000 && spec.quantum <= 200_000);
        }
      }
    }
  }
});

test("fq_codel's target leaves room for a frame at low rates", () => {
  const plan = planQos(qosClass({ egress: { ceiling: 1e6 } }), LINK, kernelWithout());
  const leaf = plan.egress[2];
  assert.ok(leaf?.object === "qdisc" && leaf.spec.kind === "fq_codel");
  assert.equal(leaf.spec.target, 18_216); // 1.5 frames of 1518 bytes take 18.2 ms
  assert.equal(leaf.spec.interval, 100_000);
});

test("a plan survives a journal", () => {
  const plan = planQos(both, LINK, kernelWithout());
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
});
