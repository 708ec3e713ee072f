/** What tests ask Windows itself. */
import process from "node:process";
import { runtime } from "#runtime";
import type { LibraryTable } from "../../ffi/platform/platform.ts";
import { system } from "../../ffi/system.ts";
import { has } from "../harness.ts";

/** GetExtendedUdpTable with UDP_TABLE_OWNER_PID: of each family the size of a row, whose last field is the process. */
const FAMILIES = [[2, 12], [23, 28]] as const;
const UDP_TABLE_OWNER_PID = 1;

// Opened before the first test, or that one would be accused of a leak.
const libraries = has("windows") ? open() : null;

function open() {
  const { platform } = system();
  const helper: LibraryTable = {
    candidates: ["iphlpapi.dll"],
    symbols: {
      GetExtendedUdpTable: {
        parameters: ["buffer", "buffer", "i32", "u32", "i32", "u32"],
        result: "u32",
      },
    },
  };
  const kernel: LibraryTable = {
    candidates: ["kernel32.dll"],
    symbols: {
      CreateThread: {
        parameters: ["usize", "usize", "usize", "usize", "u32", "usize"],
        result: "usize",
      },
      CloseHandle: { parameters: ["usize"], result: "i32" },
    },
  };
  // The platform's own come first, and again: who opens libraries reads memory through the ones opened last.
  return runtime.openLibraries([...platform.libraries, helper, kernel], platform.errno).symbols;
}

/** How many UDP sockets of this process are bound. */
export function boundSockets(): number {
  let count = 0;
  for (const [family, rowSize] of FAMILIES) {
    const table = new Uint8Array(1 << 20);
    const size = new Uint8Array(new Uint32Array([table.length]).buffer);
    const error = libraries!.GetExtendedUdpTable(table, size, 0, family, UDP_TABLE_OWNER_PID, 0);
    if (error !== 0) throw new Error(`GetExtendedUdpTable: ${error}`);
    const view = new DataView(table.buffer);
    for (let row = view.getUint32(0, true); row > 0; row--) {
      if (view.getUint32(row * rowSize, true) === process.pid) count++;
    }
  }
  return count;
}

/** Calls a function on a new thread, as Windows calls those that it was given. What it is told is left to chance. */
export function callOnThread(address: bigint): void {
  const thread = libraries!.CreateThread(0n, 0n, address, 0n, 0, 0n);
  if (thread === 0n) throw new Error("CreateThread");
  libraries!.CloseHandle(thread);
}
