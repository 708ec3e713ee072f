/** Watches or follows interfaces as the argument says, and ends when nothing keeps the process alive. */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket, waitForLinkLocal, watchInterfaces } from "../../mod.ts";

const [mode] = process.argv.slice(2);
process.on("exit", () => console.log("exit"));

switch (mode) {
  case "idle":
    watchInterfaces();
    break;
  case "waiting":
    void watchInterfaces().next();
    break;
  case "closed": {
    const watcher = watchInterfaces();
    void watcher.next();
    setTimeout(() => watcher.close(), 20);
    break;
  }
  case "aborted":
    watchInterfaces({ signal: AbortSignal.timeout(20) }).next().catch(() => {});
    break;
  case "link-local":
    // Loopback never has one.
    void waitForLinkLocal("lo");
    break;
  case "following":
    openUdpSocket().join("239.255.1.1");
    break;
  case "following-long": {
    // Long enough for the wait of its own that following gets.
    openUdpSocket().join("239.255.1.1");
    await new Promise((resolve) => setTimeout(resolve, 300));
    break;
  }
  case "following-reading": {
    const socket = openUdpSocket();
    socket.join("239.255.1.1");
    void socket.receive();
    break;
  }
  case "following-unref": {
    const socket = openUdpSocket();
    socket.join("239.255.1.1");
    socket.unref();
    void socket.receive();
    break;
  }
}
console.log("waiting");
