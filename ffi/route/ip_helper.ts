/**
 * Windows: interfaces by GetAdaptersAddresses, news of them by NotifyIpInterfaceChange
 * and NotifyUnicastIpAddressChange.
 *
 * The notifications come on a thread of the system's, and say little; they are
 * taken as "something changed", and the list tells what.
 *
 * @module
 */

import { readAdapters } from "../adapters.ts";
import type { HostRecords, RouteEvent } from "../interface_records.ts";
import type { NativeType, WinsockTables } from "../platform/platform.ts";
import { pollerOf, type Registration } from "../poller.ts";
import type { Callback } from "../runtime/runtime.ts";
import { perSystem, type System } from "../syscalls.ts";
import { openWake, type Wake } from "../wake.ts";
import type { RouteEvents } from "./events.ts";

const NULL = 0n;
/** Both families. */
const AF_UNSPEC = 0;
/** Microsoft's advice; it says how much is needed where that is not enough. */
const FIRST_SIZE = 15 * 1024;
/** The list can grow between two calls. */
const ATTEMPTS = 5;

/** Kept and reused: the list consists of pointers into itself. */
const listOf = perSystem(() => ({ bytes: new Uint8Array(FIRST_SIZE) }));

/** Lists interfaces and addresses. */
export function adapterRecords(system: System, tables: WinsockTables): HostRecords {
  const c = tables.constants;
  const flags = c.GAA_FLAG_SKIP_ANYCAST | c.GAA_FLAG_SKIP_MULTICAST | c.GAA_FLAG_SKIP_DNS_SERVER;
  const { GetAdaptersAddresses } = system.library.symbols;
  const list = listOf(system);
  const size = new Uint8Array(4);
  const sizeView = new DataView(size.buffer);
  for (let attempt = 1;; attempt++) {
    sizeView.setUint32(0, list.bytes.length, true);
    const error = GetAdaptersAddresses(AF_UNSPEC, flags, NULL, list.bytes, size);
    if (error === 0) {
      const first = system.runtime.addressOf(list.bytes);
      return readAdapters(system.platform, tables, system.runtime, first);
    }
    if (error === c.ERROR_NO_DATA) return { links: [], addresses: [] };
    if (error !== c.ERROR_BUFFER_OVERFLOW || attempt === ATTEMPTS) {
      throw system.error(error, "GetAdaptersAddresses");
    }
    list.bytes = new Uint8Array(sizeView.getUint32(0, true));
  }
}

/** PVOID context, PMIB_…_ROW row, MIB_NOTIFICATION_TYPE type. */
const NOTIFICATION: readonly NativeType[] = ["pointer", "pointer", "i32"];

/** The news, from the moment of opening. */
export class AdapterEvents implements RouteEvents {
  readonly #wake: Wake;
  readonly #callback: Callback;
  readonly #handles: bigint[] = [];
  #registration: Registration | null = null;
  #closed: Promise<void> | null = null;

  constructor(readonly system: System) {
    this.#wake = openWake(system);
    this.#callback = system.runtime.callback(NOTIFICATION, () => {
      if (!this.#closed) this.#wake.set();
    });
    for (const name of ["NotifyIpInterfaceChange", "NotifyUnicastIpAddressChange"]) {
      const handle = new Uint8Array(8);
      const notify = system.library.symbols[name];
      const error = notify(AF_UNSPEC, this.#callback.address, NULL, 0, handle);
      if (error !== 0) {
        this.close();
        throw system.error(error, name);
      }
      this.#handles.push(new DataView(handle.buffer).getBigUint64(0, true));
    }
  }

  read(): RouteEvent[] | "changed" | null {
    return this.#wake.clear() ? "changed" : null;
  }

  register(onReady: () => void, quiet: boolean): Registration {
    return this.#registration = pollerOf(this.system).register(this.#wake.fd, onReady, quiet);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    // It waits until a notification that is under way has run on this thread: so not from this thread.
    await Promise.all(
      this.#handles.map((handle) =>
        this.system.library.callBlocking("CancelMibChangeNotify2", [handle], true)
      ),
    );
    this.#callback.close();
    if (this.#registration) await this.#registration.remove(() => this.#wake.close());
    else this.#wake.close();
  }
}
