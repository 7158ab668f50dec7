// node bare-plugin-process.ts
//
// The least there can be of a device plugin: a server of the library that answers Allocate with what it was told.
import { fromBinary } from "@bufbuild/protobuf";
import type { Server, sendUnaryData } from "@grpc/grpc-js";
import { AllocateResponseSchema, DevicePlugin } from "../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { serveBare } from "./bare-server.ts";
import { obey, residentMiB } from "./orders.ts";

const servers: Server[] = [];

const orders = {
  residentMiB,

  /** @param answer an AllocateResponse as it is sent */
  async serve(paths: readonly string[], answer: Uint8Array): Promise<void> {
    const constant = fromBinary(AllocateResponseSchema, answer);
    for (const path of paths) {
      const server = await serveBare(path, DevicePlugin, {
        allocate: (_call: unknown, reply: sendUnaryData<object>) => reply(null, constant),
      });
      servers.push(server);
    }
  },
};

export type BarePluginOrders = typeof orders;

obey(orders, async () => {
  for (const server of servers) server.forceShutdown();
});
