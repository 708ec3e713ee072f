/** Opens a socket, does with it what the argument says, and ends when nothing keeps the process alive. */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket } from "../../mod.ts";

const [mode] = process.argv.slice(2);
process.on("exit", () => console.log("exit"));
const socket = openUdpSocket();
const own = `127.0.0.3:${socket.port}`;
let keeper: ReturnType<typeof setInterval>;
const read = () => void socket.receive();

switch (mode) {
  case "idle":
    break;
  case "reading":
    read();
    break;
  case "unref":
    socket.unref();
    read();
    break;
  case "unref-later":
    read();
    setTimeout(() => socket.unref(), 20);
    break;
  case "ref":
    socket.unref();
    read();
    socket.ref();
    break;
  case "broken":
    await socket.send("x", own);
    for await (const _ of socket) break;
    break;
  case "aborted":
    await socket.receive({ signal: AbortSignal.timeout(20) }).catch(() => {});
    break;
  case "unref-received":
    socket.unref();
    // What keeps the process meanwhile: on a busy machine the first wait begins late.
    keeper = setInterval(() => {}, 1000);
    socket.receive().then(({ data }) => {
      console.log("received", new TextDecoder().decode(data));
      clearInterval(keeper);
    });
    setTimeout(() => socket.send("late", own), 50);
    break;
}
console.log("waiting");
