// What a kernel may leave out of a message: the packet says null, and nothing else is lost for it.
import { assert, assertEquals } from "@std/assert";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { openUdpSocket, type SocketError } from "../../mod.ts";
import { castOf } from "../../socket/packet.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, nextTexts, text, until } from "./support.ts";

const needs: TestOptions = { needs: ["linux"] };

/** Has part of each received message left out: its sender or its control data. */
function without(
  library: FakeLibrary,
  field: "msg_namelen" | "msg_controllen",
  when: (slot: number) => boolean = () => true,
): FakeLibrary {
  const { msghdr, mmsghdr } = library.system.platform.layouts;
  let seen = 0;
  const strip = (headers: Uint8Array, count: number) => {
    const view = new DataView(headers.buffer, headers.byteOffset);
    for (let slot = 0; slot < count; slot++) {
      if (when(seen++)) view.setUint32(slot * mmsghdr!.size + msghdr.at[field], 0, true);
    }
  };
  return library
    .on("recvmmsg", ([, headers], call) => {
      const count = call();
      strip(headers, count);
      return count;
    })
    .on("recvmsg", ([, headers], call) => {
      const length = call();
      if (length >= 0) strip(headers, 1);
      return length;
    });
}

test("without control data a packet says null, and only 'all' takes it", needs, async () => {
  const library = without(new FakeLibrary(), "msg_controllen", (slot) => slot > 0);
  await using all = library.openSocket({ family: "IPv4", deliver: "all" });
  await using joined = library.openSocket({ family: "IPv4" });
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  // What is known of this one must not be told of the next.
  await peer.send("whole", at(all, "127.0.0.3"));
  assertEquals((await next(all)).destination.address, "127.0.0.3");
  await peer.send("x", at(all, "127.0.0.3"));
  const packet = await next(all);
  assertEquals([text(packet), `${packet.source}`], ["x", `127.0.0.2:${peer.port}`]);
  assertEquals(`${packet.destination}`, `0.0.0.0:${all.port}`);
  assertEquals(
    [packet.interfaceIndex, packet.interfaceName, packet.cast, packet.hops, packet.trafficClass],
    [null, null, null, null, null],
  );
  const waiting = joined.receive().catch((error: SocketError) => error.code);
  await peer.send("y", at(joined, "127.0.0.3"));
  await until(() => joined.stats.filtered === 1, "the filter");
  await joined.close();
  assertEquals(await waiting, "ECANCELED");
  // An answer goes to who asked all the same.
  await all.reply(packet, "answer");
  assertEquals(await nextTexts(peer, 1), ["answer"]);
});

test("a message without a sender is passed over, and its neighbours are not", needs, async () => {
  const library = without(new FakeLibrary(), "msg_namelen", (slot) => slot === 1);
  await using socket = library.openSocket({ family: "IPv4" });
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  for (const data of ["first", "lost", "third"]) await peer.send(data, at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 2), ["first", "third"]);
  assertEquals([socket.stats.received, socket.stats.filtered], [2, 0]);
});

test(
  "what was read and is not wanted any more is counted as if it had not been",
  needs,
  async () => {
    const library = without(new FakeLibrary(), "msg_controllen", (slot) => slot > 0);
    await using socket = library.openSocket({
      family: "IPv4",
      deliver: "all",
      maxDatagramSize: 4,
    });
    await using peer = openUdpSocket({ address: "127.0.0.2" });
    await using other = openUdpSocket({ address: "127.0.0.4" });
    for (const data of ["first", "second", "2nd"]) await peer.send(data, at(socket, "127.0.0.3"));
    await other.send("other one", at(socket, "127.0.0.3"));
    assertEquals(text(await next(socket)), "firs");
    const before = socket.stats;
    socket.connect(at(other, "127.0.0.4"));
    const { received, receivedBytes, truncated, filtered } = socket.stats;
    if (before.received === 4) {
      // All of them were read by one call.
      assertEquals([before.receivedBytes, before.truncated], [15, 3]);
      assertEquals([received, receivedBytes, truncated, filtered], [2, 8, 2, 2]);
    } else assertEquals([received, receivedBytes, truncated, filtered], [1, 4, 1, 0]);
    const packet = await next(socket);
    assertEquals([text(packet), packet.truncated, packet.interfaceIndex], ["othe", true, null]);
  },
);

test("whom a message was sent to is not guessed where the kernel names no address of its own", () => {
  const names = {
    ipv4Cast() {
      throw new Error("the list is for other systems");
    },
  };
  const cast = (w0: number, localAddress: number) => {
    const control = { hasDestination: true, w0, localAddress };
    const message = { source: emptyWords(), control, broadcast: false };
    return castOf(message as unknown as Parameters<typeof castOf>[0], true, names);
  };
  assertEquals(cast(0x0a000005, 0), null);
  assertEquals(cast(0x0a000005, 0x0a000005), "unicast");
  assertEquals(cast(0x0a0000ff, 0x0a000005), "broadcast");
});

test("a queued error that names no destination is told without", needs, async () => {
  const library = new FakeLibrary();
  const { msghdr } = library.system.platform.layouts;
  const { MSG_ERRQUEUE } = library.system.platform.constants;
  library.on("recvmsg", ([, headers, flags], call) => {
    const length = call();
    if (length >= 0 && (flags & MSG_ERRQUEUE) !== 0) {
      const view = new DataView(headers.buffer, headers.byteOffset);
      view.setUint32(msghdr.at.msg_namelen, 0, true);
    }
    return length;
  });
  const told: SocketError[] = [];
  await using socket = library.openSocket({
    family: "IPv4",
    onError: (error) => told.push(error as SocketError),
  });
  const gone = openUdpSocket({ family: "IPv4" });
  await gone.close();
  const waiting = socket.receive();
  await socket.send("refused", at(gone, "127.0.0.3"));
  await until(() => told.length > 0, "the refusal");
  assertEquals(told.map(({ code, address, port }) => [code, address, port]), [
    ["ECONNREFUSED", null, null],
  ]);
  await socket.send("own", at(socket, "127.0.0.3"));
  assertEquals(text(await waiting), "own");
});

test("a queue of errors without an end keeps no packet back", needs, async () => {
  const library = new FakeLibrary();
  const { MSG_ERRQUEUE } = library.system.platform.constants;
  let errors = 0;
  library.on("recvmsg", ([, , flags], call) => {
    if ((flags & MSG_ERRQUEUE) === 0) return call();
    errors++;
    return 0;
  });
  let told = 0;
  await using socket = library.openSocket({ family: "IPv4", onError: () => told++ });
  const waiting = socket.receive();
  await socket.send("own", at(socket, "127.0.0.3"));
  assertEquals(text(await waiting), "own");
  await until(() => told === errors, "the news of the errors");
  assert(errors >= 64 && errors < 1000, `${errors} were read for one packet`);
});

test("where the queue has the details the bell is not told, too", needs, async () => {
  const library = new FakeLibrary();
  const told: SocketError[] = [];
  await using socket = library.openSocket({
    family: "IPv4",
    onError: (error) => told.push(error as SocketError),
  });
  const gone = openUdpSocket({ family: "IPv4" });
  await gone.close();
  // The kernel's own bell is used up by whoever comes first: this one rings for sure.
  let rang = false;
  const ring = (call: () => number) => {
    if (rang) return call();
    rang = true;
    return library.refuse("ECONNREFUSED");
  };
  const { MSG_ERRQUEUE } = library.system.platform.constants;
  await socket.send("refused", at(gone, "127.0.0.3"));
  library
    .on("recvmmsg", (_, call) => ring(call))
    .on("recvmsg", ([, , flags], call) => (flags & MSG_ERRQUEUE) !== 0 ? call() : ring(call));
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  await peer.send("other", at(socket, "127.0.0.3"));
  assertEquals(text(await next(socket)), "other");
  assert(rang);
  assertEquals(told.map(({ code, syscall, port }) => [code, syscall, port]), [
    ["ECONNREFUSED", "recvmsg(MSG_ERRQUEUE)", gone.port],
  ]);
});
