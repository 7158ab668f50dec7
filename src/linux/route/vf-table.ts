import { AttributeReader, align4 } from "../netlink/attribute.ts";
import * as link from "./link-attributes.ts";
import { decodeVf, type Vf } from "./vf.ts";
import { IFLA_NUM_VF, IFLA_VF_INFO, IFLA_VFINFO_LIST } from "./vf-attributes.ts";

/** The VFs that one answer about a PF tells of. */
export interface VfTable {
  /** How many VFs the PF has. A driver may tell nothing of some or of all. */
  readonly count: number;
  readonly vfs: readonly Vf[];
  /** False when the list does not end where it says: what it holds is not to be trusted then. */
  readonly isWhole: boolean;
}

const ATTRIBUTE_HEADER_SIZE = 4;
const TYPE_MASK = 0x3fff;
/** The number of a PF's VFs has 16 bits (PCI_SRIOV_NUM_VF, include/uapi/linux/pci_regs.h). */
const MOST_VFS = 0xffff;

/**
 * Reads the VFs out of an RTM_NEWLINK that was asked for with RTEXT_FILTER_VF. The list's own length has 16 bits: more
 * than 65535 bytes leave only their remainder there (nla_nest_end, include/net/netlink.h), from 222 VFs with statistics
 * on and 335 without (seen on 6.12, and the code is the same in 6.18), though all VFs are in the message. Walking on
 * from the list by that length ends in the midst of a VF. So the nests are counted, of which there are at most as many
 * as the IFLA_NUM_VF that stands before the list says; behind it stands no attribute with the number of theirs
 * (rtnl_fill_ifinfo, net/core/rtnetlink.c), and what was walked through has to leave the same remainder.
 */
export function decodeVfTable(payload: Uint8Array): VfTable {
  const start = link.INTERFACE_HEADER_SIZE;
  const bytes = payload.subarray(Math.min(start, payload.length));
  const listAt = findList(bytes);
  // Behind the list, nothing is read.
  const before = new AttributeReader(bytes.subarray(0, listAt));
  const count = before.u32(IFLA_NUM_VF) ?? 0;
  if (count > MOST_VFS) return { count: 0, vfs: [], isWhole: false };
  if (listAt === undefined) return { count, vfs: [], isWhole: true };
  const { nests, isWhole } = readNests(bytes, listAt, count);
  const addressLength = before.bytes(link.IFLA_ADDRESS)?.length;
  const vfs = nests.map((nest) => decodeVf(nest, addressLength)).filter((vf) => vf !== undefined);
  return { count, vfs, isWhole };
}

/** Where the header of the list stands. A length that was cut may be any number, also one that is too short. */
function findList(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  for (let offset = 0; offset + ATTRIBUTE_HEADER_SIZE <= bytes.length; ) {
    if ((view.getUint16(offset + 2, true) & TYPE_MASK) === IFLA_VFINFO_LIST) return offset;
    const size = view.getUint16(offset, true);
    if (size < ATTRIBUTE_HEADER_SIZE) return undefined;
    offset += align4(size);
  }
  return undefined;
}

function readNests(bytes: Uint8Array, listAt: number, count: number) {
  const view = viewOf(bytes);
  const nests: Uint8Array[] = [];
  let offset = listAt + ATTRIBUTE_HEADER_SIZE;
  while (nests.length < count && offset + ATTRIBUTE_HEADER_SIZE <= bytes.length) {
    const size = view.getUint16(offset, true);
    const type = view.getUint16(offset + 2, true) & TYPE_MASK;
    if (type !== IFLA_VF_INFO || size < ATTRIBUTE_HEADER_SIZE || offset + size > bytes.length) break;
    nests.push(bytes.subarray(offset + ATTRIBUTE_HEADER_SIZE, offset + size));
    offset += align4(size);
  }
  return { nests, isWhole: ((offset - listAt) & 0xffff) === view.getUint16(listAt, true) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
