// Addresses that stand in structs are nothing that a garbage collector sees. So garbage is collected, and memory taken
// and filled anew, between filling a batch and each call: whatever nobody keeps is somebody else's by then.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, type Packet } from "../../mod.ts";
import { readInterfaceList } from "../../ffi/ifaddrs.ts";
import { listRecords } from "../../ffi/route/route.ts";
import { system } from "../../ffi/system.ts";
import { figure } from "../figures.ts";
import { collector } from "../garbage.ts";
import { has, notOn, test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, lo, needsSource, next, text, turn } from "./support.ts";

const collect = collector();
const tooSlow = notOn("qemu", "collecting garbage takes minutes where the processor is imitated");

/** Of the sizes of a batch's areas, and of small structs. */
const SIZES = [16, 28, 64, 128, 512, 1024, 4096, 131_200];

/** Takes what was freed and overwrites it. */
function churn(): Uint8Array[] {
  return SIZES.flatMap((size) => [1, 2, 3, 4].map(() => new Uint8Array(size).fill(0xee)));
}

function collectAndChurn(): void {
  collect();
  churn();
}

/** Calls that move messages, which lead to more memory than their arguments are. */
const MESSAGES = ["recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto"];
/** Collecting takes its time: before so many of their calls, and before one of each other function. */
const TIMES = 4;

let collections = 0;

/** Collects garbage right before calls. */
function collecting(): FakeLibrary {
  const library = new FakeLibrary();
  const names = [...Object.keys(library.symbols), "socket", "close", "recvmsg", "sendmsg"];
  for (const name of names) {
    let before = 0;
    library.on(name, (_, call) => {
      if (before++ < (MESSAGES.includes(name) ? TIMES : 1)) {
        collectAndChurn();
        collections++;
      }
      return call();
    });
  }
  return library;
}

test("no call is given memory that was collected before it", {
  skip: needsSource || tooSlow,
  timeout: 120_000,
}, async () => {
  const library = collecting();
  await using receiver = library.openSocket({
    family: "IPv4",
    groups: [`239.255.76.68@${lo.name}`],
    segmentation: true,
  });
  await using sender = library.openSocket({
    family: "IPv4",
    segmentation: true,
    multicastInterface: lo.name,
  });
  const to = at(receiver, "127.0.0.3");
  const packets: Packet[] = [];
  const take = async () => void packets.push(await next(receiver));
  await sender.send("plain", to);
  await take();
  await sender.send("by control message", to, { source: "127.0.0.9", hops: 7 });
  await take();
  await sender.send("to a group", at(receiver, "239.255.76.68"));
  await take();
  await sender.sendMany(["1", "22", "333", "4444"].map((data) => ({ data, to })));
  await sender.sendMany(["train 1", "train 2", "train 3"].map((data) => ({ data, to })));
  for (let i = 0; i < 7; i++) await take();
  await receiver.reply(packets[1], "an answer");
  const answer = await next(sender);
  assertEquals(packets.map(text), [
    ...["plain", "by control message", "to a group", "1", "22", "333", "4444"],
    ...["train 1", "train 2", "train 3"],
  ]);
  assertEquals([packets[1].source.address, packets[1].hops], ["127.0.0.9", 7]);
  assertEquals(packets.map(({ destination }) => destination!.address), [
    ...["127.0.0.3", "127.0.0.3", "239.255.76.68"],
    ...Array(7).fill("127.0.0.3"),
  ]);
  assertEquals([text(answer), answer.source.toString()], ["an answer", to]);
  assert(collections > 12, `${collections}`);
  figure("memory", "calls with garbage collected right before them", collections);
});

test(
  "a wait on another thread outlives the collection of all garbage",
  { skip: tooSlow },
  async () => {
    await using receiver = openUdpSocket({ family: "IPv4" });
    await using sender = openUdpSocket({ family: "IPv4" });
    for (const data of ["first", "second"]) {
      const waiting = next(receiver);
      await turn();
      collectAndChurn();
      await turn();
      collectAndChurn();
      await sender.send(data, at(receiver, "127.0.0.3"));
      assertEquals(text(await waiting), data);
    }
  },
);

test("the interfaces are listed right while garbage is collected", { skip: tooSlow }, () => {
  const library = collecting();
  const names = listRecords(library.system).links.map(({ name }) => name);
  assertEquals(names, listRecords(system()).links.map(({ name }) => name));
  assert(names.includes(lo.name));
  if (has("windows")) return;
  // The other list, which C makes and keeps.
  const entries = library.system.withInterfaceAddresses((first) =>
    readInterfaceList(library.system.platform, library.system.runtime, first)
  );
  assert(entries.some(({ name, address }) => name === lo.name && address?.w0 === 0x7f00_0001));
  assertEquals(library.system.interfaceIndex(lo.name), lo.index);
  assertEquals(library.system.interfaceName(lo.index), lo.name);
});
