/**
 * What a socket counts.
 *
 * @module
 */

/** Counts of one socket, and where its asynchronous errors go. */
export class Counters {
  received = 0;
  receivedBytes = 0;
  sent = 0;
  sentBytes = 0;
  filtered = 0;
  truncated = 0;
  errors = 0;
  lastError: Error | null = null;

  constructor(readonly onError: ((error: Error) => void) | null) {}

  /** Counts an error that ends nothing, and tells whoever asked to be told. */
  report(error: Error): void {
    this.errors++;
    this.lastError = error;
    const { onError } = this;
    // In a turn of its own: a callback that throws must not cut a batch in half.
    if (onError) queueMicrotask(() => onError(error));
  }
}
