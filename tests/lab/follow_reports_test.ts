// What the network is told when an interface comes back: the switch behind it may have forgotten everything.
import { assertEquals } from "@std/assert";
import { openUdpSocket, watchInterfaces } from "../../mod.ts";
import { test } from "../harness.ts";
import { type Capture, capture, type Frame } from "./capture.ts";
import { atOnce, changesOf } from "./events.ts";
import { stage } from "./stage.ts";
import { changesUntil, words } from "./watch_support.ts";
import "./sockets.ts"; // loads the library before the first test

// RFC 3376 section 4.2.12 and RFC 3810 section 5.2.12: the kinds of records in a report.
const CHANGE_TO_EXCLUDE = "4", ALLOW_NEW_SOURCES = "5";

for (
  const { name, address, source, filter, kind, group } of [
    {
      name: "IGMPv3",
      address: "232.1.2.3",
      source: "10.1.0.100",
      filter: "igmp",
      kind: "igmp.record_type",
      group: "igmp.maddr",
    },
    {
      name: "MLDv2",
      address: "ff35::1234",
      source: "fd01::100",
      filter: "icmp6 or ip6 proto 0",
      kind: "icmpv6.mldr.mar.record_type",
      group: "icmpv6.mldr.mar.multicast_address",
    },
  ]
) {
  /** The kinds of records about the group in a frame, in their order. */
  const records = ({ more }: Frame) => {
    const kinds = more[kind].split(",");
    return more[group].split(",").map((text, i) => text === address ? kinds[i] : "")
      .filter((text) => text !== "");
  };

  for (const options of [{}, { source }]) {
    const first = "source" in options ? ALLOW_NEW_SOURCES : CHANGE_TO_EXCLUDE;
    const what = "source" in options ? ", one source" : "";

    /** Each report is said twice (the robustness variable of both protocols): only then the next one is a new one. */
    const saidTwice = async (wire: Capture) => {
      for (let i = 0; i < 2; i++) await wire.find((frame) => records(frame).includes(first));
    };

    test(`${name}${what}: a carrier that comes back makes a new report`, {
      needs: ["lab", "python3", "tshark"],
    }, async () => {
      await using net = await stage();
      await using socket = openUdpSocket();
      await using wire = await capture(net.here, "eth0", filter, [kind, group]);
      const membership = socket.join(address, options);
      const changes = changesOf(membership);
      await saidTwice(wire);
      // The cable is pulled and put back, not so fast that the kernel says nothing of it.
      await using watcher = watchInterfaces();
      await net.a.ip("link set eth0 down");
      await changesUntil(watcher, (change) => words(change) === "not-running eth0");
      await net.a.ip("link set eth0 up");
      assertEquals(await changes.next(), { joined: ["eth0"], left: [], failed: [] });
      // It was left and joined again: a change of the state is told to whoever snoops.
      await wire.find((frame) => records(frame).includes(first));
    });

    test(`${name}${what}: an interface that is switched off and on makes a new report`, {
      needs: ["lab", "python3", "tshark"],
    }, async () => {
      await using net = await stage();
      await using socket = openUdpSocket();
      await using wire = await capture(net.a, "eth0", filter, [kind, group]);
      const membership = socket.join(address, options);
      const changes = changesOf(membership);
      await saidTwice(wire);
      atOnce(["link set eth0 down"]);
      assertEquals((await changes.next()).left, ["eth0"]);
      atOnce(["link set eth0 up"]);
      assertEquals((await changes.next()).joined, ["eth0"]);
      await wire.find((frame) => records(frame).includes(first));
    });
  }
}
