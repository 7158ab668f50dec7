import assert from "node:assert/strict";
import test from "node:test";
import { placeFunctions } from "../../../src/inventory/function-place.ts";
import { card, link, node, PF0, PF1, sf, vf, vfAddress } from "./samples.ts";

test("a VF is found with its PF's link, its number, its own link and driver", () => {
  const reading = node({
    functions: [
      ...card(PF0, "p0", 0),
      vf(PF0, 2, { links: ["p0v2"] }),
      vf(PF0, 3, { driver: "vfio-pci" }),
      vf(PF1, 1),
    ],
    links: [link("p0"), link("p0v2")],
  });
  const places = placeFunctions(reading);
  const pf = { pfAddress: PF0, pfName: "p0" };
  assert.deepEqual(places.get(vfAddress(PF0, 2)), {
    pciAddress: vfAddress(PF0, 2),
    ...pf,
    vfIndex: 2,
    link: "p0v2",
    driver: "iavf",
  });
  assert.deepEqual(places.get(vfAddress(PF0, 3)), {
    pciAddress: vfAddress(PF0, 3),
    ...pf,
    vfIndex: 3,
    driver: "vfio-pci",
  });
  assert.deepEqual(places.get(PF0), { pciAddress: PF0, ...pf, link: "p0", driver: "ice" });
  assert.deepEqual(places.get(vfAddress(PF1, 1)), {
    pciAddress: vfAddress(PF1, 1),
    pfAddress: PF1,
    vfIndex: 1,
    driver: "iavf",
  });
});

test("in switchdev mode the PF's link is that of the wire, and a VF has its port of the switch", () => {
  const port = { physicalSwitchId: "aa" };
  const reading = node({
    functions: [
      ...card(PF0, "p0", 0).map((facts) => ({ ...facts, links: ["aport", "p0"] })),
      vf(PF0, 0, { links: ["v0"] }),
    ],
    links: [
      link("aport", { ...port, physicalPortName: "pf0vf0" }),
      link("p0", { ...port, physicalPortName: "p0" }),
      link("v0"),
    ],
  });
  const places = placeFunctions(reading);
  assert.equal(places.get(PF0)?.link, "p0");
  const { pfName, link: own, representor } = places.get(vfAddress(PF0, 0)) ?? {};
  assert.deepEqual([pfName, own, representor], ["p0", "v0", "aport"]);
});

test("a sub-function is at no address of its own", () => {
  const reading = node({ functions: [...card(PF0, "p0", 0), sf(PF0, 4, 88)], links: [link("p0")] });
  assert.deepEqual([...placeFunctions(reading).keys()], [PF0]);
  assert.equal(placeFunctions(reading).get(PF0)?.link, "p0");
});
