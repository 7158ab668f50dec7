import type { DescService } from "@bufbuild/protobuf";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { defineMethod } from "../../../src/rpc/service.ts";

/** Serves on a unix socket with nothing between the library and the handlers, whose names are the methods' own. */
export async function serveBare(
  path: string,
  service: DescService,
  handlers: UntypedServiceImplementation,
): Promise<Server> {
  const methods = service.methods.filter(({ localName }) => localName in handlers);
  const definition: Record<string, MethodDefinition<object, object>> = Object.fromEntries(
    methods.map((method) => [method.localName, defineMethod(service, method)]),
  );
  const server = new Server();
  server.addService(definition, handlers);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return server;
}
