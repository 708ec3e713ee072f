/** Tries what the library does under the permissions it was started with, and reports in one line of JSON. */
// deno-lint-ignore-file no-console
import { interfaces, openUdpSocket, platform } from "../../mod.ts";

const report: Record<string, string> = { platform: platform.os };
try {
  openUdpSocket({ port: -1 });
} catch (error) {
  report.wrongOption = (error as Error).name;
}
try {
  await using socket = openUdpSocket();
  report.opened = "opened";
  const text = async () => new TextDecoder().decode((await socket.receive()).data);
  const first = text();
  await socket.send("hello", `127.0.0.3:${socket.port}`);
  report.received = await first;
  // A wait that does not keep the process uses another way of calling C.
  socket.unref();
  const second = text();
  const alive = setTimeout(() => {}, 5_000);
  await socket.send("hello again", `127.0.0.3:${socket.port}`);
  report.unrefd = await second;
  clearTimeout(alive);
  report.interfaces = interfaces().map(({ name }) => name).join(" ");
} catch (error) {
  report.opened = String(error);
}
console.log(JSON.stringify(report));
