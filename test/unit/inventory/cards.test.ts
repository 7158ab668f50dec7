import assert from "node:assert/strict";
import test from "node:test";
import { pino } from "pino";
import { readCards } from "../../../src/inventory/cards.ts";
import { EBUSY, ENODEV, EOPNOTSUPP, EPERM } from "../../../src/linux/errno.ts";
import type { Devlink } from "../../../src/linux/generic/devlink/devlink.ts";
import { NetlinkError } from "../../../src/linux/netlink/error.ts";
import { NotFoundError } from "../../../src/model/errors.ts";
import { PF0, PF1 } from "./samples.ts";

const refuse = (errno: number) => async () => {
  throw new NetlinkError("ask the card", errno);
};

interface Answers {
  readonly list?: () => Promise<unknown>;
  readonly info?: (device: string) => Promise<unknown>;
  readonly eswitch?: (device: string) => Promise<unknown>;
  readonly health?: (device: string) => Promise<unknown>;
}

/** A devlink of one card that answers nothing but what a test gives it. */
function devlinkOf(answers: Answers): Devlink {
  const unsupported = refuse(EOPNOTSUPP);
  return {
    devices: {
      list: answers.list ?? (async () => [{ device: `pci/${PF0}` }]),
      info: answers.info ?? unsupported,
    },
    eswitches: { get: answers.eswitch ?? unsupported },
    health: { list: answers.health ?? unsupported },
  } as unknown as Devlink;
}

async function read(answers: Answers, vfs: readonly string[] = []) {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  return { cards: Object.fromEntries(await readCards(devlinkOf(answers), new Set(vfs), log)), lines };
}

test("a card tells its DDP package, its eswitch mode and the reporters that are in an error", async () => {
  const { cards, lines } = await read({
    info: async (device) => ({
      device,
      versions: {
        fixed: {},
        stored: { "fw.app.name": "old" },
        running: { "fw.app.name": "ICE COMMS Package" },
      },
    }),
    eswitch: async () => ({ mode: "switchdev" }),
    health: async () => [
      { name: "fw", state: "healthy" },
      { name: "fw_fatal", state: "error" },
      { name: "rx", state: 7 },
    ],
  });
  assert.deepEqual(cards, {
    [PF0]: { ddpProfile: "ICE COMMS Package", eswitchMode: "switchdev", failedReporters: ["fw_fatal"] },
  });
  assert.deepEqual(lines, []);
});

test("what a card's driver does not offer is left out, without a word", async () => {
  assert.deepEqual(await read({}), { cards: { [PF0]: { failedReporters: [] } }, lines: [] });
});

test("VFs are not asked, though they have a devlink of their own", async () => {
  const asked: string[] = [];
  const info = async (device: string) => {
    asked.push(device);
    return { device, versions: { fixed: {}, stored: {}, running: {} } };
  };
  const list = async () => [{ device: `pci/${PF0}` }, { device: `pci/${PF1}` }];
  const { cards } = await read({ list, info }, [PF1]);
  assert.deepEqual([Object.keys(cards), asked], [[PF0], [`pci/${PF0}`]]);
});

test("only PCI devices are cards", async () => {
  const list = async () => [{ device: "netdevsim/netdevsim1" }, { device: `pci/${PF1}` }];
  assert.deepEqual(Object.keys((await read({ list })).cards), [PF1]);
});

test("a card that goes while it is asked tells nothing, without a word", async () => {
  assert.deepEqual(await read({ info: refuse(ENODEV) }), {
    cards: { [PF0]: { failedReporters: [] } },
    lines: [],
  });
});

test("a card that cannot answer is told in the log, and the others count", async () => {
  const { cards, lines } = await read({
    list: async () => [{ device: `pci/${PF0}` }, { device: `pci/${PF1}` }],
    eswitch: async (device) => (device.endsWith(PF0) ? refuse(EBUSY)() : { mode: "legacy" }),
  });
  assert.deepEqual(cards, {
    [PF0]: { failedReporters: [] },
    [PF1]: { eswitchMode: "legacy", failedReporters: [] },
  });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^what the card 0000:86:00\.0 tells is not known: .*EBUSY/);
});

test("a kernel without devlink has no cards, and one that refuses is an error", async () => {
  const list = async () => {
    throw new NotFoundError("the kernel has no devlink");
  };
  assert.deepEqual((await read({ list })).cards, {});
  await assert.rejects(read({ list: refuse(EPERM) }), /EPERM/);
});
