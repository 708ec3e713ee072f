/** Waiting for a packet, but not beyond a moment. */
import type { Packet, UdpSocket } from "../../mod.ts";

/** The next packet; null at `at` (milliseconds of performance.now), or when `wake` is aborted. */
export async function nextPacket(
  socket: UdpSocket,
  at: number,
  wake: AbortController,
): Promise<Packet | null> {
  // A timer cannot wait for longer than 24.8 days, and would end at once.
  const delayMs = Math.min(3_600_000, Math.max(0, at - performance.now()));
  const timer = setTimeout(() => wake.abort(), delayMs);
  try {
    return await socket.receive({ signal: wake.signal });
  } catch (error) {
    if (wake.signal.aborted && error === wake.signal.reason) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
