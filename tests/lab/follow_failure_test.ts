// Following where the kernel refuses to tell, or loses what it had to tell.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { uncaughtDuring } from "../uncaught.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { atOnce, changesOf, joinedOn, type Told } from "./events.ts";
import { Lab } from "./lab.ts";
import { Errors, textsUntil } from "./sockets.ts";

const needs: TestOptions = { needs: ["lab"] };
const AF_NETLINK = 16;

const bridge = (name: string) => [
  `link add ${name} type bridge`,
  `link set ${name} multicast on up`,
];

test(
  "without netlink a group is joined on what there is, and onError hears why it does not follow",
  needs,
  async () => {
    await using _lab = new Lab();
    atOnce(bridge("one0"));
    const library = new FakeLibrary();
    library.on(
      "socket",
      ([domain], call) => domain === AF_NETLINK ? library.refuse("EACCES") : call(),
    );
    const errors = new Errors();
    const socket = library.openSocket({ onError: errors.add });
    const membership = socket.join("239.1.2.3");
    assertEquals(joinedOn(membership), ["one0"]);
    const error = await errors.next();
    assertEquals([error.code, error.syscall], ["EACCES", "socket"]);
    atOnce(bridge("two0"));
    assertEquals(joinedOn(socket.join("239.1.2.4")), ["one0", "two0"]);
    await socket.close();
    assertEquals([library.open.size, library.stray], [0, []]);
  },
);

test(
  "where the kernel's news end, memberships stay as they are, and the next join begins anew",
  needs,
  async () => {
    await using _lab = new Lab();
    atOnce(bridge("one0"));
    const library = new FakeLibrary();
    const errors = new Errors();
    const socket = library.openSocket({ onError: errors.add });
    const membership = socket.join("239.1.2.3");
    const ear = library.sockets.find((fd) => ![...library.sockets.slice(0, 2)].includes(fd))!;
    let broken = true;
    library.on("recv", (args, call) => args[0] === ear && broken ? library.refuse("EIO") : call());
    atOnce(bridge("two0"));
    const error = await errors.next();
    assertEquals([error.code, error.syscall], ["EIO", "netlink events"]);
    assertEquals(joinedOn(membership), ["one0"]);
    // Other sockets of the process begin to listen again.
    broken = false;
    const other = library.openSocket();
    const second = other.join("239.1.2.3");
    const changes = changesOf(second);
    assertEquals(joinedOn(second), ["one0", "two0"]);
    atOnce(bridge("three0"));
    assertEquals((await changes.next()).joined, ["three0"]);
    await Promise.all([socket.close(), other.close()]);
    assertEquals([library.open.size, library.stray], [0, []]);
  },
);

test(
  "an overrun that the kernel only reports loses no interface",
  needs,
  async () => {
    await using _lab = new Lab();
    atOnce(bridge("one0"));
    const library = new FakeLibrary();
    const errors = new Errors();
    const socket = library.openSocket({ onError: errors.add });
    const membership = socket.join("ff15::1234");
    const changes = changesOf(membership);
    const [, , ear] = library.sockets;
    let lost = 1;
    library.on("recv", (args, call) => {
      if (args[0] !== ear || lost === 0) return call();
      lost--;
      return library.refuse("ENOBUFS");
    });
    atOnce(["link del one0", ...bridge("two0")]);
    const told = [await changes.next(), await changes.next()];
    assertEquals(told.flatMap(({ left }) => left), ["one0"]);
    assert(told.flatMap(({ joined }) => joined).includes("two0"));
    assertEquals([joinedOn(membership), errors.count], [["two0"], 0]);
    await socket.close();
    assertEquals([library.open.size, library.stray], [0, []]);
  },
);

test("a listener that throws, or an onError, ends following for nobody", needs, async () => {
  await using _lab = new Lab();
  const library = new FakeLibrary();
  const socket = library.openSocket({
    onError: () => {
      throw new Error("from onError");
    },
  });
  const other = library.openSocket();
  const caught = await uncaughtDuring(async () => {
    socket.join("239.1.2.3").addEventListener("change", () => {
      throw new Error("from a listener");
    });
    // No IPv6 there: onError is called.
    socket.join("ff15::1234");
    const changes = changesOf(other.join("239.1.2.3"));
    atOnce(["link add one0 type bridge", "link set one0 mtu 1000", "link set one0 up"]);
    await changes.find(({ joined }) => joined.includes("one0"));
    atOnce(bridge("two0"));
    await changes.find(({ joined }) => joined.includes("two0"));
  });
  const messages = caught.map((error) => (error as Error).message);
  assert(messages.includes("from a listener"), messages.join());
  await Promise.all([socket.close(), other.close()]);
});

test("a burst of changes leaves packets and timers their turn", { needs: ["lab"] }, async () => {
  await using _lab = new Lab();
  atOnce(bridge("one0"));
  const library = new FakeLibrary();
  const socket = library.openSocket({ address: "127.0.0.1" });
  const membership = socket.join("239.1.2.3");
  const changes = changesOf(membership);
  let timer = false;
  setTimeout(() => timer = true, 0);
  let reads = 0, before = -1;
  const [, ear] = library.sockets;
  library.on("recv", (args, call) => {
    if (args[0] === ear) {
      reads++;
      if (timer && before < 0) before = reads;
    }
    return call();
  });
  const packet = textsUntil(socket);
  await socket.send("marker", `127.0.0.1:${socket.port}`);
  atOnce(Array.from({ length: 300 }, (_, i) => `link set one0 mtu ${1499 - i}`));
  atOnce(bridge("last0"));
  assertEquals(await packet, []);
  await changes.find(({ joined }) => joined.includes("last0"));
  assert(before >= 0 && before < 100, `the timer had to wait for ${before} of ${reads} reads`);
  await socket.close();
});

const gone: [what: string, commands: string[], told: Told[]][] = [
  ["has another MAC address", ["link set one0 address 02:00:00:00:00:77"], [
    { joined: [], left: ["one0"], failed: [] },
  ]],
  ["is down and up", ["link set one0 down", "link set one0 up"], [
    { joined: [], left: ["one0"], failed: [] },
  ]],
];
for (const [what, commands, told] of gone) {
  test(`an interface that ${what} and is gone is left, which is no failure`, needs, async () => {
    await using lab = new Lab();
    const errors = new Errors();
    for (const options of [{}, { source: "10.5.0.100" }]) {
      atOnce([...bridge("one0"), "address add 10.5.0.1/24 dev one0"]);
      const socket = openUdpSocket({ onError: errors.add });
      const membership = socket.join("239.1.2.3", options);
      const changes = changesOf(membership);
      assertEquals(joinedOn(membership), ["one0"]);
      atOnce([...commands, "link del one0", ...bridge("two0")]);
      const heard: Told[] = [];
      await changes.find((change) => {
        if (change.joined.includes("two0")) return true;
        heard.push(change);
        return false;
      });
      assertEquals(heard, told);
      assertEquals([joinedOn(membership), membership.failed], [["two0"], []]);
      await socket.close();
      await lab.ip("link del two0");
    }
    assertEquals(errors.count, 0);
  });
}
