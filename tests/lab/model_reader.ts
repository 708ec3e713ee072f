/** Reads what is there for a socket, and no more: in each of the ways that there are. */
import type { Packet, UdpSocket } from "../../mod.ts";
import { within } from "../harness.ts";

/** Ends a wait. */
const ENOUGH = Symbol("enough");

/** One socket's reader. */
export class Reader {
  /** What came and was not compared yet. */
  readonly packets: Packet[] = [];
  #waiting: { wait: AbortController; read: Promise<void> } | null = null;

  constructor(readonly socket: UdpSocket, readonly many: boolean) {}

  /** Waits for a packet from now on, as a program does that has nothing else to do. */
  begin(): void {
    if (this.#waiting) return;
    const wait = new AbortController();
    const read = this.#read(wait.signal);
    // Where a history fails nobody asks for it any more.
    read.catch(() => {});
    this.#waiting = { wait, read };
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      if (this.many) this.packets.push(...await this.socket.receiveMany({ signal, max: 3 }));
      else this.packets.push(await this.socket.receive({ signal }));
    } catch (error) {
      if (error !== ENOUGH) throw error;
    }
  }

  /** Reads what is there now. */
  async drain(): Promise<void> {
    // One that waited already proves nothing: only a new read that gets nothing does.
    if (this.#waiting) await this.#end();
    for (let before = -1; before < this.packets.length;) {
      before = this.packets.length;
      this.begin();
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    const { wait, read } = this.#waiting!;
    // What is there comes at once, without a turn of the event loop.
    for (let turn = 0; turn < 8; turn++) await null;
    wait.abort(ENOUGH);
    await read;
    this.#waiting = null;
  }

  /** Waits until one of several has one more. */
  static async more(readers: readonly Reader[], what: string): Promise<void> {
    for (const reader of readers) reader.begin();
    await within(5_000, Promise.race(readers.map((reader) => reader.#waiting!.read)), what);
    // The others wait no longer.
    for (const reader of readers) await reader.drain();
  }
}
