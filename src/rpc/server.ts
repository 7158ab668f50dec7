import { randomBytes } from "node:crypto";
import { type EventEmitter, once } from "node:events";
import { chmod, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { LanyardError } from "../model/errors.ts";
import { toStatus } from "./errors.ts";
import { messageLimit } from "./limits.ts";
import { type CallContext, defineMethod, type Handlers } from "./service.ts";
import { checkSocketPath, identifyFile, removeIfThere } from "./socket-file.ts";

/** A service with the functions that answer it. */
export interface ServedService {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, unknown>>;
}

/** Pairs a service with its handlers; the pair is what `serveOnUnixSocket` takes. */
export function implement<S extends DescService>(service: S, handlers: Handlers<S>): ServedService {
  return { service, handlers: handlers as Readonly<Record<string, unknown>> };
}

export interface UnixServerOptions {
  /** Absolute path of the socket. A socket already there is replaced; any other file is an error. */
  readonly path: string;
  /** Mode of the socket file; 0600 unless told otherwise. */
  readonly mode?: number;
  /** How long `stop` waits for calls under way before it cuts them, in milliseconds; 1000 unless told otherwise. */
  readonly stopWithinMs?: number;
}

/** A gRPC server on a unix socket. */
export interface UnixServer {
  readonly path: string;
  /** What became of the socket file this server listens on; someone may have removed or replaced it. */
  place(): Promise<"own" | "gone" | "other">;
  /** Removes the socket, tells streams to end, and waits for calls under way, but not for long. */
  stop(): Promise<void>;
}

/**
 * Serves on a unix socket. The socket is bound under another name and renamed into place, so that it appears
 * with its mode, replaces a stale one at once, and closing an older server cannot take the newer one's file away
 * (libuv unlinks the name it bound).
 * @throws LanyardError `invalid` for a path that cannot be a socket's, `not-found` without its folder, `conflict`
 * when another kind of file is there.
 */
export async function serveOnUnixSocket(
  options: UnixServerOptions,
  services: readonly ServedService[],
): Promise<UnixServer> {
  const { path, mode = 0o600, stopWithinMs = 1000 } = options;
  await checkSocketPath(path);
  const stopping = new AbortController();
  const server = new Server({
    "grpc.max_receive_message_length": messageLimit,
    "grpc.max_send_message_length": messageLimit,
  });
  for (const { service, handlers } of services) addService(server, service, handlers, stopping.signal);

  const boundPath = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  let identity: string | undefined;
  try {
    await bind(server, boundPath);
    await chmod(boundPath, mode);
    identity = await identifyFile(boundPath);
    await rename(boundPath, path);
  } catch (error) {
    server.forceShutdown();
    await removeIfThere(boundPath);
    throw new LanyardError("unavailable", `cannot serve on ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }

  const place = async () => {
    const found = await identifyFile(path);
    return found === undefined ? "gone" : found === identity ? "own" : "other";
  };
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    if ((await place()) === "own") await removeIfThere(path);
    stopping.abort();
    await shutDown(server, stopWithinMs);
  };
  return {
    path,
    place,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

function shutDown(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, withinMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

type AnyHandler = (request: object, context: CallContext) => Promise<object> & AsyncIterable<object>;

function addService(
  server: Server,
  service: DescService,
  handlers: Readonly<Record<string, unknown>>,
  stopping: AbortSignal,
): void {
  const definition: Record<string, MethodDefinition<object, object>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    definition[method.localName] = defineMethod(service, method);
    implementation[method.localName] = adapt(method, handlers[method.localName] as AnyHandler, stopping);
  }
  server.addService(definition, implementation);
}

function adapt(method: DescMethod, handler: AnyHandler, stopping: AbortSignal) {
  if (method.methodKind === "unary") {
    return async (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => {
      try {
        answer(null, await handler(call.request, { signal: signalOf(call, stopping) }));
      } catch (error) {
        answer(toStatus(error));
      }
    };
  }
  if (method.methodKind === "server_streaming") {
    return async (call: ServerWritableStream<object, object>) => {
      const signal = signalOf(call, stopping);
      try {
        for await (const message of handler(call.request, { signal })) {
          if (signal.aborted) break;
          if (!call.write(message)) await once(call, "drain", { signal });
        }
        call.end();
      } catch (error) {
        if (signal.aborted) call.end();
        else call.emit("error", toStatus(error));
      }
    };
  }
  throw new LanyardError(
    "unsupported",
    `${method.parent.typeName}.${method.name}: ${method.methodKind} is not served here`,
  );
}

function signalOf(call: EventEmitter & { readonly cancelled: boolean }, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  call.once("cancelled", () => gone.abort());
  if (call.cancelled) gone.abort();
  return AbortSignal.any([gone.signal, stopping]);
}
