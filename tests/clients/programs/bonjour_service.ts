// bonjour-service: publishes, or finds.
import { about, dgram, packages, say, wish } from "./program.ts";

const { Bonjour } = packages("bonjour-service");

const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
const bonjour = new Bonjour({ socket }, (error: Error) => say("error", { text: String(error) }));

if (wish.find) {
  // deno-lint-ignore no-explicit-any -- a service as it is told
  const browser = bonjour.find({ type: wish.find }, (service: any) => {
    const { name, port, addresses, txt, referer } = service;
    say("up", { name, port, addresses, txt, ...about(referer) });
  });
  // deno-lint-ignore no-explicit-any -- as above
  browser.on("down", ({ name }: any) => say("down", { name }));
  socket.on("listening", () => say("ready"));
}

if (wish.publish) {
  const service = bonjour.publish(wish.publish);
  service.on("up", () => {
    say("published");
    if (wish.once) bonjour.unpublishAll(() => bonjour.destroy(() => say("gone")));
  });
}
