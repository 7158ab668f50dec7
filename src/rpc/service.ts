import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import type { MethodDefinition } from "@grpc/grpc-js";

/** The methods of a generated service descriptor. */
export type MethodsOf<S> = S extends GenService<infer M extends GenServiceMethods> ? M : never;

/** Names of the methods that answer once. */
export type UnaryName<S> = NamesOfKind<MethodsOf<S>, "unary">;

/** Names of the methods that answer with a stream. */
export type StreamName<S> = NamesOfKind<MethodsOf<S>, "server_streaming">;

/** What a method is asked with, as it may be written. */
export type RequestInit<S, K extends keyof MethodsOf<S>> = MessageInitShape<MethodsOf<S>[K]["input"]>;

/** What a method answers with, as it is read. */
export type ResponseOf<S, K extends keyof MethodsOf<S>> = MessageShape<MethodsOf<S>[K]["output"]>;

/** What a handler knows of the call beside its request. */
export interface CallContext {
  /** Aborted when the caller went away or the server is stopping; a stream's handler then returns. */
  readonly signal: AbortSignal;
}

/** One function for each method of a service. Any error thrown becomes the call's gRPC status. */
export type Handlers<S> = {
  readonly [K in keyof MethodsOf<S>]: MethodsOf<S>[K]["methodKind"] extends "server_streaming"
    ? (
        request: MessageShape<MethodsOf<S>[K]["input"]>,
        context: CallContext,
      ) => AsyncIterable<MessageInitShape<MethodsOf<S>[K]["output"]>>
    : (
        request: MessageShape<MethodsOf<S>[K]["input"]>,
        context: CallContext,
      ) => Promise<MessageInitShape<MethodsOf<S>[K]["output"]>>;
};

type NamesOfKind<M, Kind> = {
  [K in keyof M]: M[K] extends { methodKind: Kind } ? K : never;
}[keyof M] &
  string;

/** The definition grpc-js wants for one method; messages are plain protobuf-es messages on both sides. */
export function defineMethod(service: DescService, method: DescMethod): MethodDefinition<object, object> {
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: (message) => encode(method.input, message),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => encode(method.output, message),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function encode(schema: DescMessage, message: object): Buffer {
  const bytes = toBinary(schema, create(schema, message as MessageInitShape<DescMessage>));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
