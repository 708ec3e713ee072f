/** Tests for `deno test --trace-leaks` that leave something behind: it has to say so of each. */
import { openUdpSocket } from "../../mod.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";

function strict(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, sanitizeExit: true, fn });
}

strict("the first call in a test opens the C library", async () => {
  await openUdpSocket().close();
});

strict("a send that waits by timer, on a socket that is not closed", async () => {
  const library = new FakeLibrary();
  library.on("sendto", () => library.refuse("ENOBUFS"));
  const socket = library.openSocket({ family: "IPv4" });
  socket.send("x", "127.0.0.3:9").catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 1));
});
