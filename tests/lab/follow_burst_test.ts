// Following when much has happened between two looks: interfaces that came and went, indexes that were reused, an overrun.
import { assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { atOnce, changesOf, FLOOD, FLOODED, joinedOn } from "./events.ts";
import { Lab } from "./lab.ts";
import { startTalker } from "./peers.ts";
import { Errors, textsUntil } from "./sockets.ts";

const needs: TestOptions = { needs: ["lab"] };
const withPeers: TestOptions = { needs: ["lab", "python3"] };

const families = [
  { name: "IPv4", group: "239.1.2.3", source: "10.5.0.100" },
  { name: "IPv6", group: "ff15::1234", source: "fd05::100" },
];

for (const { name, group, source } of families) {
  test(
    `${name}: an interface that is up and gone before anybody looks harms nobody`,
    needs,
    async () => {
      await using _lab = new Lab();
      const errors = new Errors();
      await using socket = openUdpSocket({ onError: errors.add });
      const first = socket.join(group);
      const second = socket.join(group);
      const changes = changesOf(first);
      atOnce([
        "link add brief0 type bridge",
        "link set brief0 multicast on up",
        "link del brief0",
        "link add stays0 type bridge",
        "link set stays0 multicast on up",
      ]);
      await changes.find(({ joined }) => joined.includes("stays0"));
      assertEquals([joinedOn(first), joinedOn(second)], [["stays0"], ["stays0"]]);
      assertEquals([first.failed, second.failed], [[], []]);
    },
  );

  test(
    `${name}: two memberships on an interface that loses its carrier, gets it back and is gone`,
    needs,
    async () => {
      await using lab = new Lab();
      const errors = new Errors();
      await using socket = openUdpSocket({ onError: errors.add });
      atOnce([
        "link add gone0 type veth peer name gone1",
        "link set gone1 up",
        "link set gone0 up",
      ]);
      await lab.here.settled("gone0");
      const memberships = [socket.join(group), socket.join(group)];
      const changes = changesOf(memberships[1]);
      assertEquals(joinedOn(memberships[0]), ["gone0", "gone1"]);
      atOnce(["link set gone1 down", "link set gone1 up", "link del gone0"]);
      atOnce(["link add stays0 type bridge", "link set stays0 multicast on up"]);
      await changes.find(({ joined }) => joined.includes("stays0"));
      assertEquals(memberships.map(joinedOn), [["stays0"], ["stays0"]]);
      assertEquals(memberships.map(({ failed }) => failed), [[], []]);
    },
  );

  for (const options of [{}, { source }]) {
    const kind = `${name}${"source" in options ? ", one source" : ""}`;

    test(
      `${kind}: another interface with the index of one that is gone is joined anew`,
      withPeers,
      async () => {
        await using lab = new Lab();
        const host = await lab.host("peer");
        await using talker = await startTalker(host);
        atOnce(["link add first0 index 4000 type bridge", "link set first0 multicast on up"]);
        await using socket = openUdpSocket();
        const membership = socket.join(group, options);
        const changes = changesOf(membership);
        assertEquals(membership.interfaces, [{ index: 4000, name: "first0" }]);
        atOnce([
          "link del first0",
          "link add second0 index 4000 type veth peer eth0 netns peer",
          "addr add 10.5.0.1/24 dev second0",
          "addr add fd05::1/64 dev second0 nodad",
          "link set second0 up",
        ]);
        await host.addAddresses("eth0", ["10.5.0.100/24", "fd05::100/64"]);
        await host.ip("link set eth0 up");
        await changes.find(({ joined }) => joined.includes("second0"));
        await lab.here.settled("second0");
        await host.settled("eth0");
        assertEquals(membership.interfaces, [{ index: 4000, name: "second0" }]);
        assertEquals(membership.failed, []);
        const { port } = socket;
        await talker.send({ to: group, port, interface: "eth0", data: "heard" });
        await talker.send({ to: name === "IPv4" ? "10.5.0.1" : "fd05::1", port, data: "marker" });
        assertEquals(await textsUntil(socket), ["heard"]);
      },
    );
  }

  test(`${name}: an overrun loses no interface`, { ...needs, timeout: 90_000 }, async () => {
    await using _lab = new Lab();
    await using socket = openUdpSocket();
    atOnce([
      ...FLOODED,
      "link add gone0 type bridge",
      "link add leaves0 type bridge",
      "link set gone0 multicast on up",
      "link set leaves0 multicast on up",
    ]);
    const membership = socket.join(group);
    const changes = changesOf(membership);
    assertEquals(joinedOn(membership), ["gone0", "leaves0"]);
    atOnce([
      ...FLOOD,
      "link del gone0",
      "link set leaves0 down",
      "link add comes0 type bridge",
      "link set comes0 multicast on up",
    ]);
    await changes.find(({ joined }) => joined.includes("comes0"), "the join", 30_000);
    assertEquals(joinedOn(membership), ["comes0"]);
  });

  test(
    `${name}: an interface that is another one with the same index and name after an overrun is joined anew`,
    {
      ...withPeers,
      timeout: 90_000,
    },
    async () => {
      await using lab = new Lab();
      const host = await lab.host("peer");
      await using talker = await startTalker(host);
      atOnce([
        ...FLOODED,
        "link add same0 index 4000 type veth peer name old0",
        "link set same0 up",
        "link set old0 multicast off up",
      ]);
      await using socket = openUdpSocket();
      const membership = socket.join(group);
      const changes = changesOf(membership);
      assertEquals(membership.interfaces, [{ index: 4000, name: "same0" }]);
      atOnce([
        ...FLOOD,
        "link del same0",
        "link add same0 index 4000 type veth peer eth0 netns peer",
        "addr add 10.5.0.1/24 dev same0",
        "addr add fd05::1/64 dev same0 nodad",
        "link set same0 up",
        "link add comes0 type bridge",
        "link set comes0 multicast on up",
      ]);
      atOnce([
        "addr add 10.5.0.100/24 dev eth0",
        "addr add fd05::100/64 dev eth0 nodad",
        "link set eth0 up",
      ], host);
      await changes.find(({ joined }) => joined.includes("comes0"), "the join", 30_000);
      await host.settled("eth0");
      await lab.here.settled("same0");
      assertEquals(joinedOn(membership), ["comes0", "same0"]);
      const { port } = socket;
      await talker.send({ to: group, port, interface: "eth0", data: "heard" });
      await talker.send({ to: name === "IPv4" ? "10.5.0.1" : "fd05::1", port, data: "marker" });
      assertEquals(await textsUntil(socket), ["heard"]);
    },
  );
}

test("a burst is followed soon while nobody reads the socket", needs, async () => {
  await using _lab = new Lab();
  await using socket = openUdpSocket();
  // IPv4 would reach its limit of 20 memberships.
  const membership = socket.join("ff15::1234");
  const changes = changesOf(membership);
  atOnce(
    Array.from({ length: 50 }, (_, n) => [
      `link add many${n} type bridge`,
      `link set many${n} multicast on up`,
      `addr add 10.9.${n}.1/24 dev many${n}`,
    ]).flat(),
  );
  await changes.find(({ joined }) => joined.includes("many49"), "the last one's join");
  assertEquals(membership.interfaces.length, 50);
});
