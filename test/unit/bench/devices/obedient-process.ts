// node obedient-process.ts [NOTE]
//
// What companion.test.ts starts. It writes a note when it is let go.
import { writeFileSync } from "node:fs";
import { obey } from "../../../bench/devices/orders.ts";

let finish = () => {};

const orders = {
  add: (one: number, other: number) => one + other,
  bytes: (length: number) => new Uint8Array(length).fill(7),
  fail: async () => {
    throw new Error("there is no such thing");
  },
  waitForFinish: () => new Promise<string>((resolve) => (finish = () => resolve("finished"))),
  finish: () => finish(),
  end: () => process.exit(3),
};

export type ObedientOrders = typeof orders;

obey(orders, async () => {
  const note = process.argv[2];
  if (note !== undefined) writeFileSync(note, "ended");
});
