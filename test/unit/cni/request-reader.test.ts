import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LARGEST_CALL } from "../../../src/cni/question.ts";
import { RequestReader } from "../../../src/cni/request-reader.ts";

const read = (...chunks: readonly (string | Buffer)[]) => {
  const reader = new RequestReader();
  return chunks.map((chunk) => reader.take(Buffer.from(chunk as string)));
};
const request = (body: string, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`) =>
  `POST /v1/cni HTTP/1.1\r\nHost: lanyard\r\n${headers}\r\n${body}`;

test("a request is the same in whichever pieces it comes, and bytes of any kind are its body", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(300)), (bytes, cuts) => {
      const head = `POST /v1/cni HTTP/1.1\r\ncontent-LENGTH:${bytes.length}\r\n\r\n`;
      const whole = Buffer.concat([Buffer.from(head), bytes]);
      const ends = [...cuts.map((cut) => Math.min(cut, whole.length)), whole.length].sort((a, b) => a - b);
      const reader = new RequestReader();
      const taken = ends.map((end, index) => reader.take(whole.subarray(ends[index - 1] ?? 0, end)));
      const first = taken.find((each) => each !== undefined);
      assert.deepEqual(first, { method: "POST", path: "/v1/cni", body: Buffer.from(bytes) });
      const isWhole = ends.map((end) => end === whole.length);
      assert.equal(taken.indexOf(first), isWhole.indexOf(true));
    }),
  );
});

test("a request without a length has no body", () => {
  assert.deepEqual(read("GET / HTTP/1.1\r\n\r\n"), [{ method: "GET", path: "/", body: Buffer.alloc(0) }]);
});

test("what is no request, tells two lengths, or is too large, is refused with what would be right", () => {
  const refused: readonly (readonly [string, number, RegExp])[] = [
    ["hello\r\n\r\n", 400, /expected a request such as/],
    ["POST /v1/cni HTTP/2\r\n\r\n", 400, /expected a request such as/],
    [request("", "Content-Length: 0\r\nContent-Length: 5\r\n"), 400, /one Content-Length/],
    [request("", `Content-Length: ${LARGEST_CALL + 1}\r\n`), 413, /at most 16777216 bytes/],
    ["x".repeat(8193), 431, /at most 8192 bytes/],
    [`GET /${"x".repeat(9000)} HTTP/1.1\r\n\r\n`, 431, /at most 8192 bytes/],
  ];
  for (const [text, status, reason] of refused) {
    const [answer] = read(text);
    assert.ok(answer !== undefined && "status" in answer, text);
    assert.equal(answer.status, status, text);
    assert.match(answer.reason, reason);
  }
});
