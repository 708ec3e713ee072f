// What a stranger gets for how many bytes, on a wire: the table of docs/security.md has these very numbers.
import { assert, assertEquals } from "@std/assert";
import dns from "dns-packet";
import { encodeQuery, GROUPS, LLMNR_PORT } from "../../examples/llmnr/packet.ts";
import { answerFor } from "../../examples/llmnr/responder.ts";
import { encode as encodeMdns } from "../../examples/mdns/packet.ts";
import { announce } from "../../examples/mdns/responder.ts";
import { encode as encodePva, PVA_PORT } from "../../examples/pva/codec.ts";
import { serve } from "../../examples/pva/responder.ts";
import { advertise } from "../../examples/ssdp/advertise.ts";
import { figure } from "../figures.ts";
import { test, type TestOptions, within } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import type { Host } from "./lab.ts";
import { stage } from "./stage.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

/** Somebody who can be asked. */
interface Asked {
  name: string;
  /** Starts it; returns what ends it. */
  start(here: Host): Promise<() => Promise<unknown>>;
  to: string;
  port: number;
  /** The question with the most bytes in the answers for each of its own. */
  question: Uint8Array | string;
  answers: number;
  /** How many bytes they have together. */
  bytes: number;
}

const LAMP = { name: "Lamp", type: "_x._tcp", port: 80, txt: {} };

/** Runs what yields when it is ready and serves on. */
async function iterate(
  serving: AsyncIterable<unknown>,
  leave: AbortController,
  isReady: Promise<unknown> | null,
): Promise<() => Promise<unknown>> {
  let first = () => {};
  const begun = new Promise<void>((resolve) => first = resolve);
  const ended = (async () => {
    for await (const _ of serving) first();
  })();
  await within(10_000, isReady ?? begun, "the responder");
  return () => (leave.abort(), ended);
}

const ASKED: Asked[] = [
  {
    name: "echo.ts",
    start: async () => {
      const echo = await startProgram("../../examples/echo.ts", ["--allow-ffi"], "7777");
      await echo.nextLine();
      return () => echo.stop("SIGKILL");
    },
    ...{ to: "10.1.0.1", port: 7777, question: "x", answers: 1, bytes: 1 },
  },
  {
    name: "dns_server",
    start: async () => {
      const server = await startProgram(
        "../../examples/dns_server/main.ts",
        ["--allow-ffi"],
        ...["a.lab", "5300"],
      );
      await server.nextLine();
      return () => server.stop("SIGKILL");
    },
    ...{ to: "10.1.0.1", port: 5300, answers: 1, bytes: 89 },
    question: dns.encode({ type: "query", id: 1, questions: [{ type: "AAAA", name: "a.lab" }] }),
  },
  {
    name: "mdns",
    start: () => {
      const leave = new AbortController();
      return iterate(announce(LAMP, { signal: leave.signal, interfaces: ["eth0"] }), leave, null);
    },
    ...{ to: "224.0.0.251", port: 5353, answers: 1, bytes: 321 },
    question: encodeMdns({ id: 1, questions: [{ name: "_x._tcp.local", type: "ANY" }] }),
  },
  {
    name: "llmnr",
    start: (here) => {
      const leave = new AbortController();
      return iterate(
        answerFor("lamp", { signal: leave.signal, interfaces: ["eth0"] }),
        leave,
        listening(here, 5355),
      );
    },
    ...{ to: GROUPS.IPv4, port: LLMNR_PORT, answers: 1, bytes: 158 },
    question: encodeQuery({ id: 1, name: "lamp", type: "ANY" as "A" }),
  },
  {
    name: "ssdp",
    start: async () => {
      const leave = new AbortController();
      let ready = () => {};
      const listens = new Promise<void>((resolve) => ready = resolve);
      const device = {
        uuid: "11111111-2222-3333-4444-555555555555",
        type: "urn:schemas-upnp-org:device:Basic:1",
        port: 8080,
        path: "/d.xml",
        server: "Linux UPnP/2.0 pktinfo/1",
      };
      const serving = advertise(device, {
        signal: leave.signal,
        interfaces: ["eth0"],
        onReady: () => ready(),
      });
      await listens;
      return () => (leave.abort(), serving);
    },
    ...{ to: "239.255.255.250", port: 1900, answers: 3, bytes: 685 },
    question: "M-SEARCH * HTTP/1.1\nMAN:ssdp:discover\nST:ssdp:all",
  },
  {
    name: "pva",
    start: async () => {
      const leave = new AbortController();
      let ready = () => {};
      const listens = new Promise<void>((resolve) => ready = resolve);
      const serving = serve({ names: ["LAB:X"], signal: leave.signal }, () => ready());
      await listens;
      return () => (leave.abort(), serving);
    },
    ...{ to: "10.1.0.255", port: PVA_PORT, answers: 1, bytes: 49 },
    question: encodePva({
      type: "search",
      sequence: 1,
      replyRequired: true,
      unicast: false,
      address: null,
      port: 1234,
      protocols: [],
      names: [],
    }, "big"),
  },
];

/** Both of a responder's sockets are there. */
async function listening(here: Host, port: number): Promise<void> {
  const wait = `until [ $(ss -Huln 'sport = :${port}' | wc -l) -ge 2 ]; do sleep 0.05; done`;
  await here.run("sh", ["-c", wait]);
}

for (const { name, start, to, port, question, answers, bytes } of ASKED) {
  test(`${name}: the answers to the most rewarding question have ${bytes} bytes`, {
    ...needs,
    ...(name === "echo.ts" ? { needs: [...needs.needs!, "deno"] } : {}),
  }, async () => {
    await using net = await stage();
    const stop = await start(net.here);
    try {
      // Text is ASCII here.
      const { length } = question;
      // One more than is due: it does not come.
      const came = await net.onA.ask({
        ...{ to, port, source: "10.1.0.100", sourcePort: 1234, data: question },
        ...(to.startsWith("2") ? { interface: "eth0" } : {}),
        ...{ broadcast: true, answers: answers + 1, timeout: 1 },
      });
      const got = came.filter((one) => typeof one !== "string");
      assertEquals([got.length, came.at(-1)], [answers, "timeout"]);
      const total = got.reduce((sum, { data }) => sum + data.length, 0);
      figure("security", `${name}: bytes of the most rewarding question`, length, { exact: true });
      figure("security", `${name}: bytes of its answers`, total, { exact: true });
      assertEquals(total, bytes);
      assert(got.every(({ destination }) => destination === "10.1.0.100"));
    } finally {
      await stop();
    }
  });
}
