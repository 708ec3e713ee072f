// Closing at moments that are easily forgotten: what was begun ends, and no closed descriptor is used.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { interfaceNames } from "../../interfaces/names.ts";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { FamilySocket } from "../../socket/family_socket.ts";
import { checkOptions } from "../../socket/options.ts";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, text, until } from "./support.ts";

test("a socket may be closed by one reader before another goes on", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket({ family: "IPv4" });
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  let closed: Promise<void> | undefined;
  const first = socket.receive().then((packet) => {
    closed = socket.close();
    return text(packet);
  });
  // What it waits for is there when the first reader closes; it looks for more only then.
  const many = socket.receiveMany();
  await peer.sendMany(["1", "2"].map((data) => ({ data, to: at(socket, "127.0.0.3") })));
  assertEquals(await first, "1");
  await closed;
  const packets = await many.catch((error) => error);
  // On a system with one datagram a call the second may not have been read.
  if (packets instanceof SocketError) assertEquals(packets.code, "ECANCELED");
  else assertEquals(packets.map(text), ["2"]);
  assertEquals(library.stray, []);
});

test("a socket that rests from its errors can be closed meanwhile", async () => {
  const library = new FakeLibrary();
  library
    .on("recvmmsg", () => library.refuse("EIO"))
    .on("recvmsg", () => library.refuse("EIO"));
  const socket = library.openSocket({ family: "IPv4" });
  await using peer = openUdpSocket({ address: "127.0.0.2" });
  await peer.send("never read", at(socket, "127.0.0.3"));
  const waiting = socket.receive().catch((error: SocketError) => error.code);
  await until(() => socket.stats.errors >= 16, "the pause");
  const before = library.calls.length;
  // A timer that is left would be found by the test's runner, and would look again.
  await socket.close();
  assertEquals(await waiting, "ECANCELED");
  assertEquals(library.count("recvmmsg", "recvmsg") > 0, true);
  assert(library.calls.slice(before).every((call) => !call.startsWith("recv")));
});

test("a socket that is closed by what it is given to send sends nothing", async () => {
  const library = new FakeLibrary();
  const socket = library.openSocket({ family: "IPv4" });
  const to = "127.0.0.3:9";
  let closed: Promise<void> | undefined;
  const closing = {
    to,
    // Read last.
    get trafficClass() {
      closed = socket.close();
      return undefined;
    },
    data: "second",
  };
  const error = await assertRejects(
    () => socket.sendMany([{ data: "first", to }, closing]),
    SocketError,
  );
  assertEquals(error.code, "ECANCELED");
  await closed;
  assertEquals([library.count("sendto", "sendmsg", "sendmmsg"), library.stray], [0, []]);
});

test("a half is closed once, however often that is asked for", async () => {
  const library = new FakeLibrary();
  const names = interfaceNames(library.system);
  const half = FamilySocket.open(library.system, names, "IPv4", checkOptions({}), 0, null);
  assertEquals(half.closed, false);
  await Promise.all([half.close(), half.close()]);
  await half.close();
  assertEquals(half.closed, true);
  assertEquals([library.open.size, library.stray], [0, []]);
});
