import assert from "node:assert/strict";
import test from "node:test";
import { readVirtfnLinks } from "../../../../src/linux/sysfs/virtual-functions.ts";
import { SysfsTree } from "../../sysfs-tree.ts";

test("a PF's VFs are told by their numbers, in the order of these, with gaps left out", async () => {
  using tree = new SysfsTree();
  for (const [number, address] of [
    [10, "0000:03:01.2"],
    [2, "0000:03:00.3"],
    [0, "0000:03:00.1"],
  ])
    tree.symlink(`sys/pf/virtfn${number}`, `sys/${address}`);
  tree.symlink("sys/pf/virtfn3", "sys/elsewhere").folder("sys/pf/virtfn4").folder("sys/pf/virtfnX");
  assert.deepEqual(
    [...(await readVirtfnLinks(`${tree.root}/sys/pf`))],
    [
      [0, "0000:03:00.1"],
      [2, "0000:03:00.3"],
      [10, "0000:03:01.2"],
    ],
  );
  assert.equal((await readVirtfnLinks(`${tree.root}/nowhere`)).size, 0);
});
