// A bound socket that does not keep the process alive.
// deno-lint-ignore-file no-console
import { createSocket } from "../../dgram/mod.ts";

const socket = createSocket("udp4").unref();
socket.bind(0, "127.0.0.1", () => console.log("bound"));
