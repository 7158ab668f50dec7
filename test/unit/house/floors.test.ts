import assert from "node:assert/strict";
import test from "node:test";
import { checkHouse } from "../../house/floors.ts";

const DEPENDENCIES = ["koffi", "zod", "prom-client", "@grpc/grpc-js", "@bufbuild/protobuf", "yaml"];
const check = (files: Record<string, string>) => checkHouse(new Map(Object.entries(files)), DEPENDENCIES);

test("imports that go down, stay in the room or name allowed packages are no fault", () => {
  const faults = check({
    "src/model/pod.ts": 'import { z } from "zod"; import fs from "node:fs";',
    "src/linux/ffi.ts": 'import koffi from "koffi";',
    "src/linux/netlink/socket.ts":
      'import { x } from "../ffi.ts"; import type { P } from "../../model/pod.ts";',
    "src/standalone/kubelet/server.ts":
      'import { x } from "@bufbuild/protobuf/wkt"; import "../../rpc/serve.ts";',
    "src/rpc/serve.ts": 'import { y } from "./generated/api_pb.js";',
    "src/cli/main.ts": 'await import("../agent/agent.ts");',
    "src/agent/agent.ts": 'import "yaml"; import "../metrics/serve.ts";',
    "src/metrics/serve.ts": 'import "prom-client";',
    "src/attachment/journal.ts": 'import { DatabaseSync } from "node:sqlite";',
  });
  assert.deepEqual(faults, []);
});

/** One planted fault each: the files, the place that must be named, and words the message must hold. */
const planted: Record<string, { files: Record<string, string>; place: string; message: RegExp }> = {
  "an import to a higher floor": {
    files: { "src/model/pod.ts": '\nimport { a } from "../linux/link.ts";' },
    place: "src/model/pod.ts:2",
    message: /model is on floor 0, linux above it on floor 1/,
  },
  "an import from one door to another": {
    files: { "src/kubelet/serve.ts": 'import type { A } from "../metrics/a.ts";' },
    place: "src/kubelet/serve.ts:1",
    message: /kubelet and metrics stand side by side on floor 4/,
  },
  "an import from one ground room to the other": {
    files: { "src/rpc/serve.ts": 'export * from "../linux/socket.ts";' },
    place: "src/rpc/serve.ts:1",
    message: /rpc and linux stand side by side on floor 1/,
  },
  "a worker of a higher floor": {
    files: { "src/linux/pool.ts": 'new Worker(new URL("../agent/worker.ts", import.meta.url))' },
    place: "src/linux/pool.ts:1",
    message: /agent above it on floor 5/,
  },
  "an import from outside the house": {
    files: { "src/cli/main.ts": 'import "../../test/house/floors.ts";' },
    place: "src/cli/main.ts:1",
    message: /test\/house\/floors.ts, which is in no room/,
  },
  "a room that is not in the table": {
    files: { "src/utils/strings.ts": "" },
    place: "src/utils/strings.ts",
    message: /in no room of the house; expected src\/ROOM\/ with ROOM one of model, linux/,
  },
  "a file beside the rooms": {
    files: { "src/index.ts": "" },
    place: "src/index.ts",
    message: /in no room of the house/,
  },
  "a circle between files": {
    files: {
      "src/qos/a.ts": 'import "./b.ts";',
      "src/qos/b.ts": 'import type { C } from "./c.ts";',
      "src/qos/c.ts": 'import "./b.ts";',
    },
    place: "src/qos/b.ts",
    message: /^imports go in a circle: src\/qos\/b.ts -> src\/qos\/c.ts -> src\/qos\/b.ts$/,
  },
  "koffi outside the one file that may import it": {
    files: { "src/linux/netlink/socket.ts": 'import koffi from "koffi";' },
    place: "src/linux/netlink/socket.ts:1",
    message: /imports koffi, which only src\/linux\/ffi.ts may/,
  },
  "gRPC in the part of standalone that is not the kubelet": {
    files: { "src/standalone/manifests.ts": 'import { Server } from "@grpc/grpc-js";' },
    place: "src/standalone/manifests.ts:1",
    message: /only src\/rpc\/, src\/kubelet\/, src\/standalone\/kubelet\/ may/,
  },
  "a subpath of a reserved package": {
    files: { "src/qos/a.ts": 'import "@bufbuild/protobuf/wkt";' },
    place: "src/qos/a.ts:1",
    message: /imports @bufbuild\/protobuf, which only/,
  },
  "the database outside the rooms that keep state": {
    files: { "src/inventory/store.ts": 'import "node:sqlite";' },
    place: "src/inventory/store.ts:1",
    message:
      /imports node:sqlite, which only src\/linux\/database\.ts, src\/attachment\/, src\/provisioning\/ may/,
  },
  "a package that is not declared": {
    files: { "src/model/a.ts": 'import _ from "lodash/map";' },
    place: "src/model/a.ts:1",
    message: /imports lodash, which is not in the dependencies/,
  },
  "an import of a computed name": {
    files: { "src/cli/main.ts": "import(name)" },
    place: "src/cli/main.ts:1",
    message: /computed name/,
  },
  "a promise of work in a comment": {
    files: { "native/shim.c": `int a;\n/* ${"TO"}DO: later */` },
    place: "native/shim.c:2",
    message: /do it now, or say it in an issue/,
  },
};

for (const [fault, { files, place, message }] of Object.entries(planted)) {
  test(`${fault} is a fault`, () => {
    const faults = check(files);
    assert.deepEqual(
      faults.map((each) => each.place),
      [place],
    );
    assert.match(faults[0]?.message ?? "", message);
  });
}
