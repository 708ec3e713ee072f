// Which datagrams reach the reader: `deliver`, `address` as a group, and what other sockets have joined.
import { assertEquals } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, platform, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, nextTexts, text, until } from "./support.ts";

/** Sends one datagram of each kind, then waits until a last one, to `marker`, has passed. */
async function heard(
  socket: UdpSocket,
  groups: readonly string[],
  marker: string,
): Promise<string[]> {
  await using sender = openUdpSocket({ broadcast: true });
  await sender.send("unicast", at(socket, "127.0.0.3"));
  await sender.send("broadcast", at(socket, "127.255.255.255"));
  for (const group of groups) {
    await sender.send(group, `${at(socket, group)}@${lo.name}`, { source: "127.0.0.2" });
  }
  await sender.send("marker", marker, marker.includes("@") ? { source: "127.0.0.2" } : {});
  const texts: string[] = [];
  for (;;) {
    const [text] = await nextTexts(socket, 1);
    if (text === "marker") return texts;
    texts.push(text);
  }
}

/** A socket on the same port in which somebody else has joined groups. */
function neighbour(port: number, groups: string[]): UdpSocket {
  return openUdpSocket({ port, family: "IPv4", share: true, groups });
}

const OURS = "239.255.4.1";
const THEIRS = "239.255.4.2";
const NOBODYS = "239.255.4.3";
const ALL = [OURS, THEIRS, NOBODYS];

/** Linux hands over what other sockets have joined, unless told not to; Windows never does. */
const hasMulticastAll = system().platform.options.IPv4.multicastAll !== undefined;

/** With and without the kernel's own filter (kernels that lack it answer ENOPROTOOPT). */
const kernels: {
  name: string;
  kernelFilters: boolean;
  skip: string | false;
  open: (options: UdpSocketOptions) => UdpSocket;
}[] = [
  {
    name: "",
    // Under these it is Linux that hands them over, and is not told not to.
    kernelFilters: !notOn("wine", "all groups") && !notOn("qemu", "all groups"),
    skip: false,
    open: openUdpSocket,
  },
  {
    name: ", on a kernel without MULTICAST_ALL",
    kernelFilters: false,
    skip: !hasMulticastAll && "this system has no such option",
    open: (options) => new FakeLibrary().lacksOptions(["multicastAll"]).openSocket(options),
  },
];

for (const { name, kernelFilters, skip, open } of kernels) {
  test(
    `"joined" takes unicast, broadcast and the groups joined here${name}`,
    { skip },
    async () => {
      await using socket = open({ share: true, groups: [`${OURS}@${lo.name}`] });
      await using _other = neighbour(socket.port, [`${THEIRS}@${lo.name}`]);
      // The later socket on a shared port gets the unicast: what both hear is asked here.
      await using sender = openUdpSocket({ broadcast: true });
      await sender.send("broadcast", at(socket, "127.255.255.255"));
      for (const group of ALL) {
        await sender.send(group, `${at(socket, group)}@${lo.name}`, { source: "127.0.0.2" });
      }
      await sender.send("marker", at(socket, "127.255.255.255"));
      assertEquals(await nextTexts(socket, 3), ["broadcast", OURS, "marker"]);
    },
  );

  test(`"joined" without a group takes no multicast at all${name}`, { skip }, async () => {
    await using socket = open({ share: true });
    await using _other = neighbour(socket.port, [`${OURS}@${lo.name}`, `${THEIRS}@${lo.name}`]);
    assertEquals(
      (await heard(socket, ALL, at(socket, "127.255.255.255"))).filter((t) => t !== "unicast"),
      ["broadcast"],
    );
  });

  test(`"multicast" takes the groups joined here and nothing else${name}`, { skip }, async () => {
    await using socket = open({ deliver: "multicast", groups: [`${OURS}@${lo.name}`] });
    assertEquals(await heard(socket, ALL, `${at(socket, OURS)}@${lo.name}`), [OURS]);
    assertEquals(socket.stats.received, 2);
    // The unicast and the broadcast; the kernel itself kept the rest away.
    assertEquals(socket.stats.filtered, 2);
  });

  test(`"all" takes whatever the kernel hands over${name}`, { skip }, async () => {
    await using socket = open({ deliver: "all", share: true, groups: [`${OURS}@${lo.name}`] });
    await using _other = neighbour(socket.port, [`${THEIRS}@${lo.name}`]);
    assertEquals(
      (await heard(socket, ALL, at(socket, "127.255.255.255"))).filter((t) => t !== "unicast"),
      ["broadcast", OURS, THEIRS],
    );
    assertEquals(socket.stats.filtered, 0);
  });

  test(`a socket on a group takes only that group${name}`, { skip }, async () => {
    await using socket = open({ address: OURS, share: true, groups: [`${OURS}@${lo.name}`] });
    await using _other = neighbour(socket.port, [`${THEIRS}@${lo.name}`]);
    const bound = platform.bindToGroup ? OURS : "0.0.0.0";
    assertEquals(socket.localAddresses.map(String), [at(socket, bound)]);
    assertEquals(await heard(socket, ALL, `${at(socket, OURS)}@${lo.name}`), [OURS]);
  });

  test(`a socket on a group takes it only while it is joined${name}`, { skip }, async () => {
    await using socket = open({ address: OURS, share: true });
    // Somebody else's membership is not ours.
    await using _other = neighbour(socket.port, [`${OURS}@${lo.name}`]);
    await using sender = openUdpSocket();
    const send = (data: string) =>
      sender.send(data, `${at(socket, OURS)}@${lo.name}`, { source: "127.0.0.2" });
    // Membership counts when a datagram is read, so somebody has to be reading.
    const received: string[] = [];
    const reading = (async () => {
      for await (const packet of socket) received.push(text(packet));
    })();
    const passed = async (filtered: number) => {
      if (!kernelFilters) await until(() => socket.stats.filtered === filtered, "the filter");
    };
    await send("before");
    await passed(1);
    const membership = socket.join(OURS, { interface: lo.name });
    await send("joined");
    await until(() => received.length === 1, "a packet");
    membership.leave();
    await send("left");
    await passed(2);
    socket.join(OURS, { interface: lo.name });
    await send("joined again");
    await until(() => received.length === 2, "another packet");
    assertEquals(received, ["joined", "joined again"]);
    await socket.close();
    await reading;
  });
}

test("what the kernel hands over against our will is counted", {
  skip: !hasMulticastAll && "this system hands over only what the socket has joined",
}, async () => {
  const library = new FakeLibrary().lacksOptions(["multicastAll"], "IPv4");
  await using socket = library.openSocket({ share: true });
  await using _other = neighbour(socket.port, [`${THEIRS}@${lo.name}`]);
  await heard(socket, [THEIRS], at(socket, "127.255.255.255"));
  assertEquals(socket.stats.filtered, 1);
});

test('a group on an address of the wrong kind: "joined" on a unicast address hears unicast', async () => {
  await using socket = openUdpSocket({ address: "127.0.0.3", groups: [`${OURS}@${lo.name}`] });
  assertEquals(await heard(socket, ALL, at(socket, "127.0.0.3")), ["unicast"]);
});

test("what was read but not delivered is checked again when a group is left", async () => {
  await using socket = openUdpSocket({ groups: [`${OURS}@${lo.name}`] });
  await using sender = openUdpSocket();
  for (let i = 0; i < 3; i++) {
    await sender.send(`${i}`, `${at(socket, OURS)}@${lo.name}`, { source: "127.0.0.2" });
  }
  assertEquals(await nextTexts(socket, 1), ["0"]);
  socket.leave(OURS);
  await sender.send("unicast", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["unicast"]);
  const { received, receivedBytes, filtered } = socket.stats;
  assertEquals([received, receivedBytes, filtered], [2, "0unicast".length, 2]);
});
