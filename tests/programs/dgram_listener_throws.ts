// A listener that throws: an uncaught exception, and the next message comes nevertheless.
// deno-lint-ignore-file no-console
import process from "node:process";
import { createSocket } from "../../dgram/mod.ts";

process.on("uncaughtException", (error: Error) => console.log(`uncaught: ${error.message}`));
const socket = createSocket("udp4");
socket.on("message", (message) => {
  console.log(`message: ${message}`);
  if (String(message) === "last") socket.close(() => console.log("closed"));
  throw new Error(`about ${message}`);
});
socket.bind(0, "127.0.0.1", () => {
  const { port } = socket.address();
  for (const text of ["first", "last"]) socket.send(text, port, "127.0.0.1");
});
