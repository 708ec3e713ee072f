// What the examples that answer do with questions of people who are not on the link, or not who they say.
import { assert, assertEquals } from "@std/assert";
import { answerFor } from "../../examples/llmnr/responder.ts";
import { encodeQuery, GROUPS as LLMNR_GROUPS, LLMNR_PORT } from "../../examples/llmnr/packet.ts";
import { encode as encodeMdns } from "../../examples/mdns/packet.ts";
import { announce } from "../../examples/mdns/responder.ts";
import { encode as encodePva, PVA_PORT } from "../../examples/pva/codec.ts";
import { serve } from "../../examples/pva/responder.ts";
import { advertise } from "../../examples/ssdp/advertise.ts";
import { formatSearch } from "../../examples/ssdp/message.ts";
import { figure } from "../figures.ts";
import { test, type TestOptions, within } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { Forger } from "./forge.ts";
import { type PeerPacket, startReceiver } from "./peers.ts";
import { type TwoNetworks, twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** Where the forged questions ask to be answered. */
const ASKERS_PORT = 1234;
/** Somebody far away, to whom our only way is by network A. */
const FAR = { IPv4: "203.0.113.9", IPv6: "2001:db8::9" } as const;
const NEAR = { IPv4: "10.1.0.100", IPv6: "fd01::100" } as const;

/** Network A's host lies, and hears what is sent to the far one. */
async function build(): Promise<
  TwoNetworks & AsyncDisposable & {
    forger: Forger;
    heard: (family: "IPv4" | "IPv6") => Promise<PeerPacket>;
  }
> {
  const net = await twoNetworks();
  try {
    const { here, a } = net;
    await here.sysctl({ "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.eth0.rp_filter": "0" });
    await a.batch([
      `addr add ${FAR.IPv4}/32 dev lo`,
      `addr add ${FAR.IPv6}/128 dev lo nodad`,
    ]);
    await here.batch([
      `route add ${FAR.IPv4}/32 via ${NEAR.IPv4}`,
      `route add ${FAR.IPv6}/128 via ${NEAR.IPv6}`,
    ]);
    const forger = await Forger.start(a, "eth0", { host: here, interface: "eth0" });
    const [four, six] = await Promise.all(
      (["IPv4", "IPv6"] as const).map((family) => startReceiver(a, { family, port: ASKERS_PORT })),
    );
    return { ...net, forger, heard: (family) => (family === "IPv4" ? four : six).next(10_000) };
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}

/** A question from afar gets no answer: what comes first is the answer to the same from the link. */
async function assertOnlyLinkIsAnswered(
  { forger, heard }: Awaited<ReturnType<typeof build>>,
  port: number,
  to: readonly { family: "IPv4" | "IPv6"; address: string }[],
  question: Uint8Array | string,
): Promise<void> {
  for (const { family, address } of to) {
    for (const source of [FAR[family], NEAR[family]]) {
      await forger.send({
        ...{ source, sourcePort: ASKERS_PORT, to: address, port },
        hops: 255,
        data: question,
      });
    }
    assertEquals((await heard(family)).destination, NEAR[family], `${family}, to ${address}`);
  }
  const what = `questions from off the link to port ${port}, none answered`;
  figure("security", what, to.length, { exact: true });
}

const groups = ({ IPv4, IPv6 }: { IPv4: string; IPv6: string }) => [
  { family: "IPv4" as const, address: IPv4 },
  { family: "IPv6" as const, address: IPv6 },
];
const OWN = groups({ IPv4: "10.1.0.1", IPv6: "fd01::1" });

test(
  "multicast DNS: neither the group nor we ourselves are asked from off the link",
  needs,
  async () => {
    await using net = await build();
    const leave = new AbortController();
    const names = announce({ name: "Lamp", type: "_x._tcp", port: 80, txt: {} }, {
      signal: leave.signal,
      interfaces: ["eth0"],
    });
    assertEquals((await within(10_000, names.next(), "the names")).value?.host, "lamp.local");
    const serving = names.next();
    // From another port than 5353 and with the QU bit: both are answered by unicast.
    const question = encodeMdns({ id: 7, questions: [{ name: "lamp.local", type: "A" }] });
    const to = [...groups({ IPv4: "224.0.0.251", IPv6: "ff02::fb" }), ...OWN];
    await assertOnlyLinkIsAnswered(net, 5353, to, question);
    leave.abort();
    assertEquals((await serving).done, true);
  },
);

test("LLMNR: nobody is answered who is not on the link", needs, async () => {
  await using net = await build();
  const leave = new AbortController();
  const asked = answerFor("lamp", { signal: leave.signal, interfaces: ["eth0"] });
  let answered = 0;
  const serving = (async () => {
    for await (const name of asked) {
      assertEquals(name, "eth0");
      answered++;
    }
  })();
  // It listens after it has asked for its name.
  await within(
    10_000,
    net.here.run("sh", [
      "-c",
      "until [ $(ss -Huln 'sport = :5355' | wc -l) -ge 2 ]; do sleep 0.05; done",
    ]),
    "the responder",
  );
  const question = encodeQuery({ id: 9, name: "lamp", type: "A" });
  await assertOnlyLinkIsAnswered(net, LLMNR_PORT, groups(LLMNR_GROUPS), question);
  assertEquals(answered, 2);
  leave.abort();
  await serving;
});

test("SSDP: nobody is answered who is not on the link", needs, async () => {
  await using net = await build();
  const leave = new AbortController();
  const device = {
    uuid: "11111111-2222-3333-4444-555555555555",
    type: "urn:schemas-upnp-org:device:Basic:1",
    port: 8080,
    path: "/d.xml",
    server: "Test/1 UPnP/2.0 pktinfo/1",
  };
  let ready = () => {};
  const listening = new Promise<void>((resolve) => ready = resolve);
  const serving = advertise(device, {
    signal: leave.signal,
    interfaces: ["eth0"],
    onReady: () => ready(),
  });
  await listening;
  const search = formatSearch("239.255.255.250", "upnp:rootdevice", 0);
  const to = [...groups({ IPv4: "239.255.255.250", IPv6: "ff02::c" }), ...OWN];
  await assertOnlyLinkIsAnswered(net, 1900, to, search);
  leave.abort();
  await serving;
});

test("PV Access: no search has us answer a group, a broadcast or nobody", needs, async () => {
  await using net = await build();
  const leave = new AbortController();
  let ready = () => {};
  const listening = new Promise<void>((resolve) => ready = resolve);
  const errors: Error[] = [];
  const serving = serve({
    names: ["LAB:X"],
    signal: leave.signal,
    onError: (error) => errors.push(error),
  }, () => ready());
  await listening;
  const search = (address: string | null, sequence: number) =>
    encodePva({
      type: "search",
      sequence,
      replyRequired: true,
      unicast: false,
      address,
      port: ASKERS_PORT,
      protocols: ["tcp"],
      names: [{ id: 1, name: "LAB:X" }],
    }, "big");
  const nowhere = ["10.1.0.255", "255.255.255.255", "224.0.0.1", "239.1.2.3", "ff02::1"];
  for (const [sequence, address] of [...nowhere, null].entries()) {
    await net.forger.send({
      source: NEAR.IPv4,
      sourcePort: ASKERS_PORT,
      to: "10.1.0.255",
      port: PVA_PORT,
      data: search(address, sequence),
    });
  }
  const { data } = await net.heard("IPv4");
  // The sequence number is behind the header (8 bytes) and the server's identity (12).
  assertEquals(new DataView(data.buffer).getUint32(20), nowhere.length);
  assertEquals(errors, []);
  leave.abort();
  await serving;
});

for (const example of ["echo.ts", "fan_out.ts"]) {
  test(`${example} answers nobody who claims to be itself, or another such server`, {
    needs: ["lab", "python3", "deno"],
  }, async () => {
    await using net = await build();
    await using program = await startProgram(
      `../../examples/${example}`,
      [
        "--allow-ffi",
        "--allow-sys",
        "--allow-read",
      ],
      "7777",
      "1",
    );
    await program.nextLine();
    const sent = async () => {
      const [{ stats64 }] = JSON.parse(await net.here.ip("-j -s link show dev lo"));
      return stats64.tx.packets as number;
    };
    const before = await sent();
    for (const source of ["fd01::1", "fd01::100"]) {
      await net.forger.send({ source, sourcePort: 7777, to: "fd01::1", port: 7777, data: "ping" });
    }
    // Behind these: a question like any other.
    await net.forger.send({
      ...{ source: NEAR.IPv6, sourcePort: ASKERS_PORT, to: "fd01::1", port: 7777 },
      data: "question",
    });
    await net.heard("IPv6");
    assert(await sent() - before <= 1, "it talks to itself");
  });
}
