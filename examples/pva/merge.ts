/** Several sources, one reader. */

/**
 * Hands on what the sources tell, in the order in which it comes. A source waits until what it told
 * was taken, so none runs ahead by more than one. An error of one ends all.
 *
 * @param stop Ends the sources: called when one failed, and when the reader leaves.
 */
export async function* merge<T>(
  sources: readonly AsyncGenerator<T>[],
  stop: () => void,
): AsyncGenerator<T> {
  const waiting: { value: T; taken: () => void }[] = [];
  let running = sources.length;
  let failure: { error: unknown } | null = null;
  let left = false;
  let wake = () => {};

  const read = async (source: AsyncGenerator<T>) => {
    try {
      for await (const value of source) {
        if (left) return;
        await new Promise<void>((taken) => {
          waiting.push({ value, taken });
          wake();
        });
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      running--;
      wake();
    }
  };
  const readers = sources.map(read);
  try {
    for (;;) {
      const next = waiting.shift();
      if (next) {
        next.taken();
        yield next.value;
      } else if (failure) throw (failure as { error: unknown }).error;
      else if (running === 0) return;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    left = true;
    stop();
    for (const { taken } of waiting) taken();
    await Promise.all(readers);
  }
}
