import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FlapDamper } from "../../../src/inventory/flap-damper.ts";
import type { DeviceHealth } from "../../../src/model/health.ts";

const WELL: DeviceHealth = { isHealthy: true };
const LOST: DeviceHealth = { isHealthy: false, reason: "p0 has no carrier" };
const HELD = {
  isHealthy: false,
  reason: "it was lost 3 times within 10 s and is held down until it has been well for as long",
};

/** A damper whose clock a test moves, and the health that one device is told with. */
function scene() {
  let now = 1_000;
  const damper = new FlapDamper(() => now);
  return {
    damper,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    tell: (health: DeviceHealth, key = "a") => damper.damp(key, health),
    /** Loses it so often, a second apart, and brings it back each time at once. */
    flap: (times: number, key = "a") => {
      for (let time = 0; time < times; time++) {
        now += 1_000;
        damper.damp(key, LOST);
        damper.damp(key, WELL);
      }
    },
  };
}

describe("a device that flaps", () => {
  test("is told at once until it is lost a third time within ten seconds", () => {
    const { tell, pass } = scene();
    assert.equal(tell(WELL), WELL);
    for (let time = 0; time < 2; time++) {
      pass(1_000);
      assert.equal(tell(LOST), LOST);
      pass(1_000);
      assert.equal(tell(WELL), WELL);
    }
    pass(1_000);
    assert.equal(tell(LOST), LOST);
    pass(1_000);
    assert.deepEqual(tell(WELL), HELD);
  });

  test("is told again when it has been well for ten seconds, and not before", () => {
    const { tell, pass, flap, damper } = scene();
    tell(WELL);
    flap(3);
    assert.equal(damper.untilRelease(), 10_000);
    pass(9_999);
    assert.deepEqual(tell(WELL), HELD);
    assert.equal(damper.untilRelease(), 1);
    pass(1);
    assert.equal(tell(WELL), WELL);
    assert.equal(damper.untilRelease(), undefined);
  });

  test("is held from the last time it came back", () => {
    const { tell, pass, flap } = scene();
    tell(WELL);
    flap(3);
    pass(9_000);
    assert.equal(tell(LOST), LOST);
    pass(500);
    assert.deepEqual(tell(WELL), HELD);
    pass(9_999);
    assert.deepEqual(tell(WELL), HELD);
    pass(1);
    assert.equal(tell(WELL), WELL);
  });

  test("is not waited for while it is lost", () => {
    const { tell, flap, pass, damper } = scene();
    tell(WELL);
    flap(3);
    pass(1_000);
    tell(LOST);
    assert.equal(damper.untilRelease(), undefined);
    pass(60_000);
    assert.deepEqual(tell(WELL), HELD);
    assert.equal(damper.untilRelease(), 10_000);
  });

  test("can flap again after it was released, three times before it is held anew", () => {
    const { tell, pass, flap } = scene();
    tell(WELL);
    flap(3);
    pass(10_000);
    assert.equal(tell(WELL), WELL);
    flap(2);
    assert.equal(tell(WELL), WELL);
    flap(1);
    assert.deepEqual(tell(WELL), HELD);
  });

  test("keeps what is found besides", () => {
    const { tell, flap } = scene();
    const findings = [{ condition: "pciErrors", effect: "report", reason: "errors" }] as const;
    tell(WELL);
    flap(3);
    assert.deepEqual(tell({ isHealthy: true, findings }), { ...HELD, findings });
  });
});

describe("a device that does not flap", () => {
  test("is lost as often as it likes, more than ten seconds apart", () => {
    const { tell, pass } = scene();
    tell(WELL);
    for (let time = 0; time < 5; time++) {
      pass(5_000);
      assert.equal(tell(LOST), LOST);
      assert.equal(tell(WELL), WELL);
    }
  });

  test("is lost once, however often it is told to be lost", () => {
    const { tell, pass } = scene();
    tell(WELL);
    for (let time = 0; time < 5; time++) {
      pass(100);
      tell(LOST);
    }
    assert.equal(tell(WELL), WELL);
  });

  test("is not held for another one's sake, nor for one that was forgotten", () => {
    const { tell, flap, damper } = scene();
    tell(WELL);
    tell(WELL, "b");
    flap(3);
    assert.equal(tell(WELL, "b"), WELL);
    damper.keepOnly(new Set(["b"]));
    assert.equal(damper.untilRelease(), undefined);
    assert.equal(tell(WELL), WELL);
  });

  test("is not lost because it was never well", () => {
    const { tell, flap } = scene();
    tell(LOST);
    tell(WELL);
    flap(2);
    assert.equal(tell(WELL), WELL);
  });
});

test("of several that are held the first to be released is waited for", () => {
  const { tell, flap, pass, damper } = scene();
  tell(WELL);
  tell(WELL, "b");
  flap(3);
  pass(2_000);
  flap(3, "b");
  assert.equal(damper.untilRelease(), 5_000);
});
