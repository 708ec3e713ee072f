// What the network is told of a socket's groups and senders: tshark reads the reports.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { capture } from "./capture.ts";
import "./sockets.ts"; // loads the library before the first test
import { stage } from "./stage.ts";

// RFC 3376 section 4.2.12 and RFC 3810 section 5.2.12: the kinds of records in a report.
const CHANGE_TO_EXCLUDE = "4", ALLOW_NEW_SOURCES = "5", BLOCK_OLD_SOURCES = "6";

for (
  const { name, family, filter, kind, group, source, others } of [
    {
      name: "IGMPv3",
      family: { group: "232.1.2.3", senders: ["10.1.0.100", "10.2.0.100"] },
      filter: "igmp",
      kind: "igmp.record_type",
      group: "igmp.maddr",
      source: "igmp.saddr",
      others: "igmp.version",
    },
    {
      name: "MLDv2",
      family: { group: "ff35::1234", senders: ["fd01::100", "fd02::100"] },
      filter: "icmp6 or ip6 proto 0",
      kind: "icmpv6.mldr.mar.record_type",
      group: "icmpv6.mldr.mar.multicast_address",
      source: "icmpv6.mldr.mar.source_address",
      others: "icmpv6.type",
    },
  ]
) {
  test(`${name} reports tell the network which senders are wanted`, {
    needs: ["lab", "python3", "tshark"],
  }, async () => {
    await using net = await stage();
    await using socket = openUdpSocket();
    await using wire = await capture(net.here, "eth0", filter, [kind, group, source, others]);
    const report = async (wanted: string) => {
      const { more } = await wire.find(({ more }) =>
        more[group].split(",").includes(family.group) && more[kind].split(",").includes(wanted)
      );
      return more[source].split(",").filter((text) => text !== "");
    };
    const one = socket.join(family.group, { source: family.senders[0], interface: "eth0" });
    assertEquals(await report(ALLOW_NEW_SOURCES), [family.senders[0]]);
    one.leave();
    assertEquals(await report(BLOCK_OLD_SOURCES), [family.senders[0]]);
    socket.join(family.group, { interface: "eth0" });
    assertEquals(await report(CHANGE_TO_EXCLUDE), []);
    socket.blockSource(family.group, family.senders[1]);
    assert((await report(BLOCK_OLD_SOURCES)).includes(family.senders[1]));
  });
}
