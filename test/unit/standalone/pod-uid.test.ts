import assert from "node:assert/strict";
import { test } from "node:test";
import { derivePodUid } from "../../../src/standalone/pod-uid.ts";

test("a derived UID is a UUID of version 5, settled by namespace and name", () => {
  const uid = derivePodUid({ namespace: "default", name: "alpha" });
  // as Python says: uuid5(uuid5(NAMESPACE_DNS, "lanyard.dev"), "default/alpha")
  assert.equal(uid, "7479cf84-50ac-5fbd-ae59-41313535ca4e");
  assert.notEqual(derivePodUid({ namespace: "blue", name: "alpha" }), uid);
});
