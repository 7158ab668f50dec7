import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { RpcError } from "./errors.ts";
import { messageLimit } from "./limits.ts";
import {
  defineMethod,
  type RequestInit,
  type ResponseOf,
  type StreamName,
  type UnaryName,
} from "./service.ts";

export interface CallOptions {
  /** How long the answer may take, in milliseconds; 10 000 unless told otherwise. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** Calls one service on a unix socket. Nothing is connected before the first call. */
export class UnixSocketClient<S extends DescService> {
  readonly path: string;
  readonly #service: S;
  readonly #client: Client;

  constructor(service: S, path: string) {
    this.path = path;
    this.#service = service;
    this.#client = new Client(`unix:${path}`, credentials.createInsecure(), {
      // A path as :authority is refused by some HTTP/2 servers, Node's among them.
      "grpc.default_authority": "localhost",
      "grpc.max_receive_message_length": messageLimit,
      "grpc.max_send_message_length": messageLimit,
      // A shared pool would carry another client's connection back-off over to this one.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2000,
    });
  }

  /** @throws RpcError */
  call<K extends UnaryName<S>>(
    name: K,
    request: RequestInit<S, K>,
    options: CallOptions = {},
  ): Promise<ResponseOf<S, K>> {
    const method = this.#method(name);
    const definition = defineMethod(this.#service, method);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request as object,
        new Metadata(),
        { deadline: Date.now() + (options.deadlineMs ?? 10_000) },
        (error, response) => {
          options.signal?.removeEventListener("abort", cancel);
          if (error === null) resolve(response as ResponseOf<S, K>);
          else reject(new RpcError(method.name, this.path, error));
        },
      );
      const cancel = () => call.cancel();
      if (options.signal?.aborted) cancel();
      else options.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /**
   * The messages of a stream, as they come. It has no deadline: it ends when the other side ends it, when the
   * signal aborts (without an error), or when the reader stops reading.
   * @throws RpcError when the stream breaks
   */
  async *watch<K extends StreamName<S>>(
    name: K,
    request: RequestInit<S, K>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ResponseOf<S, K>, void, void> {
    const method = this.#method(name);
    const definition = defineMethod(this.#service, method);
    const call = this.#client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      request as object,
    );
    const cancel = () => call.cancel();
    if (options.signal?.aborted) cancel();
    else options.signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const message of call) yield message as ResponseOf<S, K>;
    } catch (error) {
      const failure = error as ServiceError;
      if (failure.code === status.CANCELLED && options.signal?.aborted) return;
      throw new RpcError(method.name, this.path, failure);
    } finally {
      options.signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  /** Closes the connection. Calls under way should be cancelled first. */
  close(): void {
    this.#client.close();
  }

  #method(name: string): DescMethod {
    return (this.#service.method as Readonly<Record<string, DescMethod>>)[name] as DescMethod;
  }
}
