/**
 * Promises that an AbortSignal can end, leaving no listener behind.
 *
 * @module
 */

/** What settles an {@linkcode abortable} promise. */
export interface Settle<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/**
 * Makes a promise that rejects with the signal's reason when it is aborted.
 *
 * @param onAbort Undoes what was started; called on abort only.
 */
export function abortable<T>(
  signal: AbortSignal | null,
  onAbort: () => void,
): { promise: Promise<T>; waiter: Settle<T> } {
  let waiter!: Settle<T>;
  const promise = new Promise<T>((resolve, reject) => {
    if (signal === null) {
      waiter = { resolve, reject };
      return;
    }
    const aborted = () => {
      onAbort();
      reject(signal.reason);
    };
    const settled = () => signal.removeEventListener("abort", aborted);
    waiter = {
      resolve: (value) => (settled(), resolve(value)),
      reject: (reason) => (settled(), reject(reason)),
    };
    signal.addEventListener("abort", aborted, { once: true });
  });
  return { promise, waiter };
}
