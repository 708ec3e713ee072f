/**
 * News of the interfaces, in the form that all systems share.
 *
 * @module
 */

import type { RouteEvent } from "../interface_records.ts";
import type { Registration } from "../poller.ts";

/** The kernel's news of the interfaces, from the moment of opening. The kernel keeps them until they are read. */
export interface RouteEvents {
  /**
   * What has come, without waiting.
   *
   * @returns Events in their order, perhaps none of interest; `"changed"` where the OS says
   * no more than that, and `"overrun"` if some were lost: a new list is needed; `null` when
   * there is nothing.
   * @throws {SocketError} If the OS refuses.
   */
  read(): RouteEvent[] | "changed" | "overrun" | null;
  /**
   * Asks to be told when there is something to read.
   *
   * @param onReady Called once for each arming of the registration.
   * @param quiet Whether this is no reason of its own to wait: see {@linkcode Registration}.
   */
  register(onReady: () => void, quiet: boolean): Registration;
  /** Closes it, once it has left the poller. */
  close(): Promise<void>;
}
