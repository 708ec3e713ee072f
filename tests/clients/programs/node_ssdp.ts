// node-ssdp: a device, or somebody who searches for devices. It makes its sockets itself, one an address.
import { about, packages, say, wish } from "./program.ts";

const { Client, Server } = packages("node-ssdp");

// Its sockets keep no process alive.
setInterval(() => {}, 60_000);

if (wish.device) {
  const server = new Server({ udn: "uuid:1", location: "http://192.0.2.1/", ...wish.options });
  server.addUSN(wish.device);
  await server.start();
  say("ready");
}

if (wish.search) {
  const client = new Client(wish.options);
  let answers = 0;
  // deno-lint-ignore no-explicit-any -- what SSDP's headers say
  client.on("response", (headers: any, code: number, remote: any) => {
    say("response", { code, usn: headers.USN, ...about(remote) });
    if (++answers === wish.answers) client.search(wish.then);
  });
  await client.start();
  client.search(wish.search);
}
