import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Allocator } from "../../../src/kubelet/allocator.ts";
import { PluginService } from "../../../src/kubelet/plugin-service.ts";
import { nic, poolOf, sick } from "./pools.ts";

const resource = "lanyard.dev/nics";
const lists = 2_000;
/** What 2,000 waits that were kept would take is several times as much. */
const mostBytes = lists * 200;

/** What is in use after everything else was collected, in bytes. */
function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

test("a stream that lives for months keeps nothing of the lists it has sent", {
  timeout: 60_000,
}, async () => {
  const parts = { cdi: undefined, deviceInfo: undefined, uses: undefined, prepare: undefined };
  const pools = [poolOf(resource, nic("up0")), poolOf(resource, sick("up0", "no carrier"))] as const;
  const service = new PluginService(pools[0], new Allocator(parts), 0, () => () => {});
  const stop = new AbortController();
  const stream = service.handlers.listAndWatch({} as never, { signal: stop.signal })[Symbol.asyncIterator]();
  const send = async (count: number) => {
    for (let number = 0; number < count; number += 1) {
      const next = stream.next();
      service.update(pools[number % 2 === 0 ? 1 : 0]);
      await next;
    }
  };
  await stream.next();
  await send(lists / 4);
  const before = heapInUse();
  await send(lists);
  const grown = heapInUse() - before;
  stop.abort();
  await stream.next();
  assert(grown < mostBytes, `${grown} bytes more after ${lists} lists`);
});
