import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { decodeAddress } from "../../../src/linux/route/address.ts";
import { Addresses } from "../../../src/linux/route/addresses.ts";
import { decodeFdbEntry, Fdb } from "../../../src/linux/route/fdb.ts";
import { formatIp, formatMac, parseIp, parseMac } from "../../../src/linux/route/ip.ts";
import { decodeNeighbour, Neighbours } from "../../../src/linux/route/neighbours.ts";
import type { NextHop } from "../../../src/linux/route/next-hop.ts";
import { decodeRoute } from "../../../src/linux/route/route.ts";
import { Routes } from "../../../src/linux/route/routes.ts";
import type { Prepared } from "../../../src/linux/worker/prepared.ts";
import {
  ipBytes,
  wantedAddress,
  wantedFdbEntry,
  wantedNeighbour,
  wantedRoute,
} from "./arbitraries/addresses.ts";
import { makeRecorder } from "./route/recorder.ts";

/** Addresses, routes, neighbours and forwarding entries: what is asked of the kernel is understood when the kernel says the same. */

const TRIES = { numRuns: 500 };

const { client } = makeRecorder();
const addresses = new Addresses(client, "blue");
const routes = new Routes(client, "blue");
const neighbours = new Neighbours(client, "blue");
const fdb = new Fdb(client, "blue");

/** What a request holds behind its header. */
function payloadOf({ job }: Prepared<unknown>): Uint8Array {
  assert.ok(job.do === "transact");
  return job.request.subarray(16);
}

test("an IP address is read as the bytes that were written", () => {
  fc.assert(
    fc.property(fc.oneof(ipBytes(4), ipBytes(16)), (bytes) => {
      assert.deepEqual(parseIp(formatIp(bytes), "address").bytes, Uint8Array.from(bytes));
    }),
    TRIES,
  );
});

test("a MAC address is read as the bytes that were written", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      assert.deepEqual(parseMac(formatMac(bytes)), Uint8Array.from(bytes));
    }),
    TRIES,
  );
});

test("an address is read with all that it was given", () => {
  fc.assert(
    fc.property(wantedAddress, ({ link, address, settings }) => {
      const isIPv4 = address.includes(".");
      const hasLifetimes = settings.validLifetime !== undefined || settings.preferredLifetime !== undefined;
      const own = address.split("/", 1)[0];
      assert.deepEqual(decodeAddress(payloadOf(addresses.prepareAdd(link, address, settings))), {
        link,
        address,
        peer: settings.peer === own ? undefined : settings.peer,
        label: settings.label,
        broadcast: settings.broadcast,
        scope: settings.scope ?? "universe",
        flags: settings.flags ?? (isIPv4 ? [] : ["nodad"]),
        validLifetime: settings.validLifetime ?? "forever",
        preferredLifetime: settings.preferredLifetime ?? settings.validLifetime ?? "forever",
        createdAt: hasLifetimes ? 0 : undefined,
        updatedAt: hasLifetimes ? 0 : undefined,
        metric: settings.metric,
        protocol: settings.protocol,
      });
    }),
    TRIES,
  );
});

const asSeen = (hop: NextHop) => ({
  ...hop,
  isOnLink: hop.isOnLink ?? false,
  weight: hop.weight ?? 1,
  isDead: false,
  isLinkDown: false,
});

test("a route is read with all that it was given", () => {
  fc.assert(
    fc.property(wantedRoute, (wanted) => {
      const { link, gateway, isOnLink, nextHops, scope, ...rest } = wanted;
      const own = { link, ...(gateway === undefined ? {} : { gateway }), isOnLink: isOnLink ?? false };
      const hops = nextHops ?? (link === undefined ? [] : [own as NextHop]);
      const read = decodeRoute(payloadOf(routes.prepareAdd(wanted)));
      assert.deepEqual(read, {
        type: "unicast",
        table: 254,
        protocol: "static",
        ...rest,
        scope: scope ?? read?.scope,
        nextHops: hops.map(asSeen),
      });
    }),
    TRIES,
  );
});

test("a route that was read can be written, and is read as itself", () => {
  fc.assert(
    fc.property(wantedRoute, (wanted) => {
      const once = decodeRoute(payloadOf(routes.prepareAdd(wanted)));
      assert.ok(once);
      assert.deepEqual(decodeRoute(payloadOf(routes.prepareAdd(once))), once);
    }),
    TRIES,
  );
});

test("a neighbour is read with all that it was given", () => {
  fc.assert(
    fc.property(wantedNeighbour, (wanted) => {
      // A neighbour that never ages needs its address from the start; a proxy has none.
      fc.pre(wanted.mac !== undefined || wanted.isProxy === true);
      assert.deepEqual(decodeNeighbour(payloadOf(neighbours.prepareAdd(wanted))), {
        isProxy: false,
        isRouter: false,
        isExternallyLearned: false,
        isOffloaded: false,
        state: "permanent",
        mac: undefined,
        protocol: undefined,
        sinceConfirmed: undefined,
        sinceUsed: undefined,
        sinceUpdated: undefined,
        ...wanted,
      });
    }),
    TRIES,
  );
});

test("a forwarding entry is read with all that it was given", () => {
  fc.assert(
    fc.property(wantedFdbEntry, (wanted) => {
      assert.deepEqual(decodeFdbEntry(payloadOf(fdb.prepareAdd(wanted))), {
        bridge: undefined,
        isSticky: false,
        isExternallyLearned: false,
        isOffloaded: false,
        sinceUsed: undefined,
        sinceUpdated: undefined,
        ...wanted,
      });
    }),
    TRIES,
  );
});
