import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import pino from "pino";
import { FolderWatch } from "../../../src/linux/folder-watch.ts";
import { isSettled, udevDataFolder } from "../../../src/linux/udev.ts";
import { keepManagersOff, letManagersIn } from "../../../src/linux/udev-rules.ts";
import { SysfsTree } from "../sysfs-tree.ts";

const RULES = "run/udev/rules.d/70-lanyard-vfs.rules";
const NETWORK = "run/systemd/network/00-lanyard-vfs.network";

test("every link is settled where udev does not run", () => {
  using tree = new SysfsTree().folder("run/udev/data");
  assert.equal(isSettled(tree.root, 7), true);
});

test("a link is settled when udev has written of it and is done", () => {
  using tree = new SysfsTree().file("run/udev/control", "").file("run/udev/data/n7", "I:1234567");
  assert.equal(isSettled(tree.root, 7), true);
  assert.equal(isSettled(tree.root, 8), false);
  assert.equal(isSettled(tree.root, 77), false);
  for (const property of ["ID_PROCESSING", "ID_RENAMING"]) {
    tree.file("run/udev/data/n7", `I:1234567\nE:${property}=1\nE:ID_NET_DRIVER=igb`);
    assert.equal(isSettled(tree.root, 7), false, property);
  }
});

test("a link that settles is noticed by its file in udev's folder, which udev may make later", async (context) => {
  using tree = new SysfsTree().file("run/udev/control", "");
  let onChange = () => {};
  const watch = new FolderWatch(udevDataFolder(tree.root), pino({ level: "silent" }), () => onChange());
  context.after(() => watch.stop());
  watch.start();
  const settled = new Promise<void>((resolve) => {
    onChange = () => {
      if (isSettled(tree.root, 7)) resolve();
    };
  });
  tree.folder("run/udev/data");
  // As udev does it: written under another name, and then whole.
  const draft = join(tree.root, "run/udev/data/.#n7");
  writeFileSync(draft, "I:1\n");
  renameSync(draft, join(tree.root, "run/udev/data/n7"));
  await settled;
});

test("managers are kept off VFs by one file each, written once", async () => {
  using tree = new SysfsTree().folder("run/udev").folder("run/systemd");
  await keepManagersOff(tree.root);
  const rules = readFileSync(join(tree.root, RULES), "utf8");
  // One line of udev(7): each part a key, an operator and a quoted value.
  const [rule] = rules.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(
    rule,
    'SUBSYSTEM=="net", ACTION=="add|change|move", TEST=="device/physfn", ENV{NM_UNMANAGED}="1", ENV{LANYARD_VF}="1"',
  );
  assert.match(
    readFileSync(join(tree.root, NETWORK), "utf8"),
    /^\[Match\]\nProperty=LANYARD_VF=1\n\n\[Link\]\nUnmanaged=yes\n$/m,
  );
  assert.deepEqual(readdirSync(join(tree.root, "run/udev/rules.d")), ["70-lanyard-vfs.rules"]);
  assert.equal(statSync(join(tree.root, RULES)).mode & 0o777, 0o644);

  // udev reads its rules again when their folder has changed: what is right stays untouched.
  const before = statSync(join(tree.root, RULES), { bigint: true });
  await keepManagersOff(tree.root);
  const after = statSync(join(tree.root, RULES), { bigint: true });
  assert.deepEqual([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);

  writeFileSync(join(tree.root, RULES), "half a ru");
  await keepManagersOff(tree.root);
  assert.equal(readFileSync(join(tree.root, RULES), "utf8"), rules);
});

test("managers are let in again, also where they were never kept off", async () => {
  using tree = new SysfsTree().folder("run/udev").folder("run/systemd");
  await keepManagersOff(tree.root);
  await letManagersIn(tree.root);
  await letManagersIn(tree.root);
  assert.deepEqual(
    [existsSync(join(tree.root, RULES)), existsSync(join(tree.root, NETWORK))],
    [false, false],
  );
});

test("nothing is written for a manager that is not there", async () => {
  using neither = new SysfsTree().folder("run");
  await keepManagersOff(neither.root);
  await letManagersIn(neither.root);
  assert.deepEqual(readdirSync(join(neither.root, "run")), []);
  using one = new SysfsTree().folder("run/systemd");
  await keepManagersOff(one.root);
  assert.deepEqual([existsSync(join(one.root, NETWORK)), existsSync(join(one.root, RULES))], [true, false]);
});

test("a file that cannot be written is told by its path", async () => {
  using tree = new SysfsTree().file("run/udev/rules.d", "a file in the folder's place");
  await assert.rejects(keepManagersOff(tree.root), {
    code: "unavailable",
    message: /^cannot write .*run\/udev\/rules\.d\/70-lanyard-vfs\.rules: ENOTDIR/,
  });
});
