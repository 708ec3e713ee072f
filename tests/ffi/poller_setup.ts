/** A poller on the simulated kernel, and sockets for it. */
import { assert, assertEquals } from "@std/assert";
import { Poller, type Registration } from "../../ffi/poller.ts";
import { Kernel } from "./kernel.ts";

/** A registered descriptor, and what its callback was told. */
export interface Socket {
  fd: number;
  registration: Registration;
  fired: number[];
}

/** What a test works with. */
export interface Setup {
  kernel: Kernel;
  poller: Poller;
  /** Whether the poller said that it has closed. */
  closed: () => boolean;
  open: (onReady?: (events: number) => void, quiet?: boolean) => Socket;
  close: (socket: Socket) => Promise<void>;
}

/** Begins a test. */
export function setUp(kind: "epoll" | "poll"): Setup {
  const kernel = new Kernel(kind);
  let closed = false;
  const poller = new Poller(kernel.system, () => closed = true);
  return {
    kernel,
    poller,
    closed: () => closed,
    open: (onReady = () => {}, quiet = false) => {
      const fd = kernel.socket();
      const fired: number[] = [];
      const registration = poller.register(fd, (events) => {
        fired.push(events);
        onReady(events);
      }, quiet);
      return { fd, registration, fired };
    },
    close: async ({ fd, registration }) => {
      let closable = 0;
      await registration.remove(() => {
        closable++;
        kernel.close(fd);
      });
      assertEquals(closable, 1);
    },
  };
}

/** Ends a test: everything removed, nothing pending, every descriptor closed. */
export async function tearDown({ kernel, closed, close }: Setup, ...sockets: Socket[]) {
  const done = Promise.all(sockets.map(close));
  await kernel.settle();
  await done;
  assertEquals(kernel.waits.length, 0);
  assertEquals([...kernel.files.keys()], []);
  assert(closed());
}
