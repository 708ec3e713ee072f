/**
 * What a socket counts.
 *
 * @module
 */

import type { Packet } from "./packet.ts";

/** Counts of one socket, and where its asynchronous errors go. */
export class Counters {
  received = 0;
  receivedBytes = 0;
  sent = 0;
  sentBytes = 0;
  filtered = 0;
  truncated = 0;
  controlTruncated = 0;
  errors = 0;
  lastError: Error | null = null;

  constructor(readonly onError: ((error: Error) => void) | null) {}

  /** Counts a packet that is to be delivered. */
  countReceived({ data, truncated }: Packet): void {
    this.received++;
    this.receivedBytes += data.length;
    if (truncated) this.truncated++;
  }

  /** Counts it as filtered after all. */
  takeBack({ data, truncated }: Packet): void {
    this.received--;
    this.receivedBytes -= data.length;
    if (truncated) this.truncated--;
    this.filtered++;
  }

  /** Counts an error that ends nothing, and tells whoever asked to be told. */
  report(error: Error): void {
    this.errors++;
    this.lastError = error;
    const { onError } = this;
    // In a turn of its own: a callback that throws must not cut a batch in half.
    if (onError) queueMicrotask(() => onError(error));
  }
}
