// An option that was set for one datagram and could not be put back is owed: until it is, or until somebody sets it.
import { assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { bareIpv4, plain, Simulation } from "./simulated.ts";
import { at, lo, next, text } from "./support.ts";

/** Level and numbers of options (ip(7)). */
const [IP, IP_TTL, IP_MULTICAST_IF] = [0, 2, 32];

test("what is owed is put back before the next datagram, and not where set() has named it since", {
  needs: ["linux"],
}, async () => {
  const simulated = new Simulation(bareIpv4, plain);
  const errors: unknown[] = [];
  await using socket = simulated.openSocket({
    family: "IPv4",
    hops: 40,
    onError: (error) => errors.push(error),
  });
  await using peer = openUdpSocket({ family: "IPv4", address: "127.0.0.3" });
  const to = at(peer, "127.0.0.3");
  let refusals = 0;
  simulated.on("setsockopt", ([, level, option, value], call) => {
    const putsBack = level === IP && option === IP_TTL && value[0] === 40;
    return putsBack && refusals-- > 0 ? simulated.refuse("ENOMEM") : call();
  });
  const heard = async () => {
    const packet = await next(peer);
    return [text(packet), packet.hops];
  };

  refusals = 1;
  await socket.send("one", to, { hops: 3 });
  assertEquals([await heard(), errors.length], [["one", 3], 1]);
  await socket.send("put back", to);
  assertEquals(await heard(), ["put back", 40]);

  refusals = 1;
  await socket.send("two", to, { hops: 4 });
  assertEquals([await heard(), errors.length], [["two", 4], 2]);
  socket.set({ hops: 50 });
  await socket.send("set", to);
  assertEquals(await heard(), ["set", 50]);
});

test("an owed interface of multicasts is settled by setting another", {
  needs: ["linux"],
}, async () => {
  const simulated = new Simulation(bareIpv4, plain);
  await using socket = simulated.openSocket({ family: "IPv4", onError() {} });
  let refusals = 0, set = 0;
  simulated.on("setsockopt", ([, level, option], call) => {
    if (level !== IP || option !== IP_MULTICAST_IF) return call();
    set++;
    // The first sets it for the datagram, the second puts it back.
    return set === 2 && refusals-- > 0 ? simulated.refuse("ENOMEM") : call();
  });
  refusals = 1;
  await socket.send("once", "239.255.21.9:9", { interface: lo.name });
  assertEquals([socket.stats.errors, set], [1, 2]);
  socket.set({ multicastInterface: lo.name });
  assertEquals(set, 3);
  await socket.send("more", "239.255.21.9:9");
  assertEquals(set, 3, "nothing is owed any more");
});
