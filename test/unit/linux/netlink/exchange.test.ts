import assert from "node:assert/strict";
import test from "node:test";
import { EBUSY, EINTR, EINVAL, ENOBUFS, ETIME } from "../../../../src/linux/errno.ts";
import { exchange, messagesOf } from "../../../../src/linux/netlink/exchange.ts";
import { type FakeReply, FakeSocket } from "../../../../src/linux/netlink/fake.ts";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
} from "../../../../src/linux/netlink/message.ts";
import { ReceiveBuffer } from "../../../../src/linux/netlink/receive-buffer.ts";
import { int32, join, layOut, sequenceOf } from "./datagrams.ts";

const PORT = 4711;
const SEQUENCE = 1000;

const change = () => encodeMessage(16, NLM_F_ACK, new Uint8Array(16));
const get = () => encodeMessage(18, 0, new Uint8Array(16));
const dump = () => encodeMessage(18, NLM_F_DUMP, new Uint8Array(16));

/** Asks a kernel that gives these replies to every request; `sequence` of a reply follows the request's. */
function ask(
  request: Uint8Array,
  replies: (sequence: number, attempt: number) => readonly FakeReply[],
  options: { canRepeat?: boolean; bufferSize?: number } = {},
) {
  const socket = new FakeSocket((sent, attempt) => replies(sequenceOf(sent), attempt), PORT);
  const buffer = new ReceiveBuffer(options.bufferSize);
  const answer = exchange(socket, request, SEQUENCE, buffer, options.canRepeat ?? false);
  return { answer, socket, buffer };
}

const acknowledge = (sequence: number, errno = 0) =>
  layOut({ type: NLMSG_ERROR, sequence, portId: PORT, payload: join(int32(-errno), new Uint8Array(16)) });
const part = (sequence: number, value: number, flags = NLM_F_MULTI) =>
  layOut({ type: 16, flags, sequence, portId: PORT, payload: int32(value) });
const end = (sequence: number, errno = 0, flags = NLM_F_MULTI) =>
  layOut({ type: NLMSG_DONE, flags, sequence, portId: PORT, payload: int32(-errno) });

const valuesOf = (messages: readonly { payload: Uint8Array }[]) => messages.map(({ payload }) => payload[0]);

test("a change ends with its acknowledgement", () => {
  const { answer, socket } = ask(change(), (sequence) => [{ datagram: acknowledge(sequence) }]);
  assert.deepEqual(answer, { errno: 0, ack: {}, pieces: [], isInterrupted: false, attempt: 1 });
  assert.deepEqual(socket.sent.map(sequenceOf), [SEQUENCE]);
});

test("a change's own messages come before its acknowledgement", () => {
  const { answer } = ask(change(), (sequence) => [
    { datagram: part(sequence, 5, 0) },
    { datagram: acknowledge(sequence) },
  ]);
  assert.deepEqual(valuesOf(messagesOf(answer)), [5]);
});

test("a single get ends with its one message", () => {
  const { answer } = ask(get(), (sequence) => [{ datagram: part(sequence, 7, 0) }]);
  assert.equal(answer.errno, 0);
  assert.deepEqual(valuesOf(messagesOf(answer)), [7]);
});

test("a refusal gives the error number", () => {
  const { answer } = ask(change(), (sequence) => [{ datagram: acknowledge(sequence, 19) }]);
  assert.equal(answer.errno, 19);
});

test("a dump is collected over all its datagrams", () => {
  const { answer } = ask(dump(), (sequence) => [
    { datagram: join(part(sequence, 1), part(sequence, 2)) },
    { datagram: part(sequence, 3) },
    { datagram: join(part(sequence, 4), end(sequence)) },
  ]);
  assert.deepEqual(valuesOf(messagesOf(answer)), [1, 2, 3, 4]);
  assert.deepEqual([answer.errno, answer.isInterrupted], [0, false]);
});

test("messages of a dump stay what they were when the next datagram is received", () => {
  const { answer } = ask(
    dump(),
    (sequence) => [
      { datagram: part(sequence, 1) },
      { datagram: part(sequence, 2) },
      { datagram: end(sequence) },
    ],
    { bufferSize: 20 },
  );
  assert.deepEqual(valuesOf(messagesOf(answer)), [1, 2]);
});

test("a dump that the kernel breaks off gives the error in its end", () => {
  const { answer } = ask(dump(), (sequence) => [
    { datagram: part(sequence, 1) },
    { datagram: end(sequence, 12) },
  ]);
  assert.equal(answer.errno, 12);
});

test("a dump during which something changed is marked, whichever message says so", () => {
  const interrupted = NLM_F_MULTI | NLM_F_DUMP_INTR;
  const inMiddle = ask(dump(), (sequence) => [
    { datagram: join(part(sequence, 1, interrupted), part(sequence, 2), end(sequence)) },
  ]);
  const atEnd = ask(dump(), (sequence) => [
    { datagram: join(part(sequence, 1), end(sequence, 0, interrupted)) },
  ]);
  assert.deepEqual([inMiddle.answer.isInterrupted, atEnd.answer.isInterrupted], [true, true]);
  assert.deepEqual(valuesOf(messagesOf(inMiddle.answer)), [1, 2]);
});

test("a message that says nothing is passed over", () => {
  const { answer } = ask(get(), (sequence) => [
    { datagram: layOut({ type: NLMSG_NOOP, sequence, portId: PORT }) },
    { datagram: part(sequence, 7, 0) },
  ]);
  assert.deepEqual(valuesOf(messagesOf(answer)), [7]);
});

test("what answers another request, or is meant for another socket, is dropped", () => {
  const { answer } = ask(change(), (sequence) => [
    { datagram: acknowledge(sequence - 1, 17) },
    { datagram: layOut({ type: NLMSG_ERROR, sequence, portId: PORT + 1, payload: int32(-17) }) },
    { datagram: join(part(sequence - 1, 1, 0), acknowledge(sequence)) },
  ]);
  assert.deepEqual([answer.errno, messagesOf(answer)], [0, []]);
});

test("a receive buffer that overflowed is an error of this request", () => {
  const { answer } = ask(dump(), (sequence) => [{ datagram: part(sequence, 1) }, { errno: ENOBUFS }]);
  assert.equal(answer.errno, ENOBUFS);
});

test("no answer in time is ETIME", () => {
  const { answer } = ask(dump(), (sequence) => [{ datagram: part(sequence, 1) }]);
  assert.deepEqual([answer.errno, messagesOf(answer)], [ETIME, []]);
});

test("a request the kernel does not take in time is ETIME, and not taken at all its error", () => {
  for (const [sent, errno] of [
    [-11, ETIME],
    [-105, ENOBUFS],
  ] as const) {
    const socket = new FakeSocket(() => []);
    socket.send = () => sent;
    assert.equal(exchange(socket, change(), SEQUENCE, new ReceiveBuffer(), false).errno, errno);
  }
});

test("a call that a signal interrupts is made again", () => {
  const socket = new FakeSocket(
    (sent) => [{ errno: EINTR }, { datagram: acknowledge(sequenceOf(sent)) }, { errno: EINTR }],
    PORT,
  );
  const send = socket.send.bind(socket);
  let calls = 0;
  socket.send = (message) => {
    calls += 1;
    return calls === 1 ? -EINTR : send(message);
  };
  const answer = exchange(socket, change(), SEQUENCE, new ReceiveBuffer(), false);
  assert.deepEqual([answer.errno, calls, socket.sent.length], [0, 2, 1]);
});

test("an answer that was cut is asked for again with a larger buffer", () => {
  const long = (sequence: number) =>
    layOut({ type: 16, sequence, portId: PORT, payload: new Uint8Array(300) });
  const { answer, socket, buffer } = ask(get(), (sequence) => [{ datagram: long(sequence) }], {
    canRepeat: true,
    bufferSize: 64,
  });
  assert.equal(messagesOf(answer)[0]?.payload.length, 300);
  assert.deepEqual(socket.sent.map(sequenceOf), [SEQUENCE, SEQUENCE + 1]);
  // The larger buffer is kept for the requests that follow.
  buffer.clear();
  assert.ok(buffer.makeRoom().length >= 316);
});

test("what is left of a cut dump does not get into its repetition", () => {
  const { answer } = ask(
    dump(),
    (sequence, attempt) =>
      attempt === 1
        ? [
            { datagram: join(part(sequence, 1), part(sequence, 2)) },
            { datagram: part(sequence, 3) },
            { datagram: end(sequence) },
          ]
        : [
            { datagram: join(part(sequence, 1), part(sequence, 2)) },
            { datagram: join(part(sequence, 3), end(sequence)) },
          ],
    { canRepeat: true, bufferSize: 24 },
  );
  assert.deepEqual(valuesOf(messagesOf(answer)), [1, 2, 3]);
});

test("while the kernel is not through with a cut dump, it is asked again until it is", () => {
  const { answer, socket } = ask(
    dump(),
    (sequence, attempt) => {
      if (attempt === 1) return [{ datagram: join(part(sequence, 1), part(sequence, 2)) }];
      if (attempt < 4) return [{ datagram: acknowledge(sequence, EBUSY) }];
      return [{ datagram: join(part(sequence, 1), part(sequence, 2), end(sequence)) }];
    },
    { canRepeat: true, bufferSize: 24 },
  );
  assert.deepEqual([answer.errno, valuesOf(messagesOf(answer)), socket.sent.length], [0, [1, 2], 4]);
});

test("a kernel that is busy with something else is not asked again", () => {
  const { answer, socket } = ask(get(), (sequence) => [{ datagram: acknowledge(sequence, EBUSY) }], {
    canRepeat: true,
  });
  assert.deepEqual([answer.errno, socket.sent.length], [EBUSY, 1]);
});

test("a change is never done twice: its cut answer is an error", () => {
  const { answer, socket } = ask(change(), (sequence) => [{ datagram: acknowledge(sequence) }], {
    bufferSize: 32,
  });
  assert.equal(answer.errno, EINVAL);
  assert.match(answer.ack.message ?? "", /the answer to a change was cut at 32 bytes/);
  assert.equal(socket.sent.length, 1);
});

test("the sequence number starts anew after the largest", () => {
  const socket = new FakeSocket(
    (sent, attempt) =>
      attempt === 1 ? [{ datagram: new Uint8Array(100) }] : [{ datagram: part(sequenceOf(sent), 7, 0) }],
    PORT,
  );
  const answer = exchange(socket, get(), 0xffffffff, new ReceiveBuffer(64), true);
  assert.deepEqual([answer.errno, socket.sent.map(sequenceOf)], [0, [0xffffffff, 0]]);
});

test("a long answer is handed over as it comes, and its last part returned", () => {
  const handed: { values: (number | undefined)[]; attempt: number }[] = [];
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    return [
      { datagram: join(part(sequence, 1), part(sequence, 2)) },
      { datagram: join(part(sequence, 3), part(sequence, 4)) },
      { datagram: join(part(sequence, 5), end(sequence)) },
    ];
  }, PORT);
  // Two messages of 20 bytes each, and no room for two more.
  const buffer = new ReceiveBuffer(64);
  const parts: Uint8Array[] = [];
  const answer = exchange(socket, dump(), SEQUENCE, buffer, true, (pieces, attempt) => {
    handed.push({ values: valuesOf(messagesOf({ pieces })), attempt });
    parts.push(...pieces);
  });
  assert.deepEqual(handed, [
    { values: [1, 2], attempt: 1 },
    { values: [3, 4], attempt: 1 },
  ]);
  assert.deepEqual([valuesOf(messagesOf(answer)), answer.attempt], [[5], 1]);
  // Each part has memory that nothing is received in any more.
  assert.equal(new Set([...parts, ...answer.pieces].map(({ buffer }) => buffer)).size, 3);
});

test("parts of an answer that was cut are told from those of its repetition", () => {
  const handed: [attempt: number, values: (number | undefined)[]][] = [];
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    const payload = new Uint8Array(300).fill(7);
    return [
      { datagram: join(part(sequence, 1), part(sequence, 2)) },
      { datagram: layOut({ type: 16, flags: NLM_F_MULTI, sequence, portId: PORT, payload }) },
      { datagram: join(part(sequence, 8), end(sequence)) },
    ];
  }, PORT);
  const answer = exchange(socket, dump(), SEQUENCE, new ReceiveBuffer(64), true, (pieces, attempt) =>
    handed.push([attempt, valuesOf(messagesOf({ pieces }))]),
  );
  assert.deepEqual(handed, [
    [1, [1, 2]],
    [2, [1, 2]],
    [2, [7]],
  ]);
  assert.deepEqual([answer.attempt, valuesOf(messagesOf(answer))], [2, [8]]);
});

test("datagrams of one answer lie one behind the other, and the next answer in the same place", () => {
  const buffer = new ReceiveBuffer(1024);
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    return [{ datagram: part(sequence, 1) }, { datagram: join(part(sequence, 2), end(sequence)) }];
  }, PORT);
  const first = exchange(socket, dump(), SEQUENCE, buffer, true);
  assert.deepEqual(valuesOf(messagesOf(first)), [1, 2]);
  const second = exchange(socket, dump(), SEQUENCE + 1, buffer, true);
  const places = [first, second].map(({ pieces }) => pieces.map(({ byteOffset }) => byteOffset));
  assert.deepEqual(places[0], places[1]);
  assert.ok(first.pieces[0]?.buffer === second.pieces[0]?.buffer);
  buffer.release();
  const third = exchange(socket, dump(), SEQUENCE + 2, buffer, true);
  assert.ok(third.pieces[0]?.buffer !== first.pieces[0]?.buffer);
  assert.deepEqual(valuesOf(messagesOf(second)), [1, 2]);
});

test("an answer that nobody takes in parts lies in as many memories as it needs", () => {
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    const datagrams = [1, 2, 3, 4, 5].map((value) => ({ datagram: part(sequence, value) }));
    return [...datagrams, { datagram: end(sequence) }];
  }, PORT);
  const answer = exchange(socket, dump(), SEQUENCE, new ReceiveBuffer(64), true);
  assert.deepEqual(valuesOf(messagesOf(answer)), [1, 2, 3, 4, 5]);
  assert.equal(new Set(answer.pieces.map(({ buffer }) => buffer)).size, 3);
});

test("a time-out after a part was handed over is a time-out", () => {
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    return [
      { datagram: join(part(sequence, 1), part(sequence, 2)) },
      { datagram: join(part(sequence, 3), part(sequence, 4)) },
    ];
  }, PORT);
  let handed = 0;
  const answer = exchange(socket, dump(), SEQUENCE, new ReceiveBuffer(64), true, () => {
    handed += 1;
  });
  assert.deepEqual([answer.errno, answer.pieces, handed], [ETIME, [], 2]);
});

test("what belongs to others takes no room", () => {
  const socket = new FakeSocket((sent) => {
    const sequence = sequenceOf(sent);
    const foreign = { datagram: part(sequence - 1, 9) };
    return [foreign, foreign, { datagram: part(sequence, 1) }, foreign, { datagram: end(sequence) }];
  }, PORT);
  const buffer = new ReceiveBuffer(64);
  const answer = exchange(socket, dump(), SEQUENCE, buffer, true);
  assert.deepEqual(valuesOf(messagesOf(answer)), [1]);
  assert.equal(answer.pieces[0]?.byteOffset, 0);
});
