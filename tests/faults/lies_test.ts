// A kernel whose answers are short, cut or wrong: nothing is lost, made up or delivered twice, and the next packet is whole.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, type Packet, SocketError, type UdpSocket } from "../../mod.ts";
import { figure } from "../figures.ts";
import { notOn, test, type TestOptions } from "../harness.ts";
import { type Arguments, FakeLibrary } from "../kernel/fake_library.ts";
import { at, lo, next, nextTexts, text } from "../kernel/support.ts";
import { type Header, lie, tellTheTruth } from "./lies.ts";

const linux: TestOptions = {
  needs: ["linux", "ipv6"],
  skip: notOn("qemu", "QEMU translates the headers in its own way"),
};

const FAMILIES = [["IPv4", "127.0.0.2", "127.0.0.3"], ["IPv6", "::1", "::1"]] as const;

/** Sends a datagram, has the kernel lie about it, and takes what comes of it, up to a true one behind it. */
async function told(
  library: FakeLibrary,
  socket: UdpSocket,
  sender: UdpSocket,
  to: string,
  data: string,
  change: (header: Header) => void,
): Promise<Packet | null> {
  let lies = 1;
  lie(library, (header) => lies-- > 0 && change(header));
  await sender.send(data, to);
  await sender.send("the truth", to);
  const first = await next(socket);
  const packet = text(first) === "the truth" ? null : first;
  const behind = packet === null ? first : await next(socket);
  tellTheTruth(library);
  assertEquals(text(behind), "the truth");
  assertEquals(behind.interfaceIndex, lo.index);
  assertEquals(`${behind.source}`, `${sender.localAddresses[0]}`);
  assertEquals(behind.hops, 64);
  return packet;
}

for (const [family, from, to] of FAMILIES) {
  test(
    `control data cut anywhere: what was not told is null, and counted (${family})`,
    linux,
    async () => {
      const library = new FakeLibrary();
      const { MSG_CTRUNC } = library.system.platform.constants;
      await using sender = openUdpSocket({ address: from });
      await using socket = library.openSocket({ family, deliver: "all", timestamps: true });
      const where = at(socket, to);
      let full = 0;
      const whole = await told(library, socket, sender, where, "x", (header) => {
        full = header.controlLength;
      });
      assert(whole !== null && whole.timestamp !== null && full > 0);
      const truth = { ...facts(whole), timestamp: true };
      let before = 0;
      let cuts = 0;
      for (const flag of [MSG_CTRUNC, 0]) {
        before = 0;
        for (let length = 0; length <= full; length++, cuts++) {
          const { controlTruncated } = socket.stats;
          const packet = await told(library, socket, sender, where, "x", (header) => {
            header.controlLength = length;
            header.flags |= flag;
          });
          assert(packet !== null);
          assertEquals([text(packet), `${packet.source}`], ["x", `${sender.localAddresses[0]}`]);
          const found = facts(packet);
          const known = Object.entries(found).filter(([, value]) => value !== null);
          for (const [name, value] of known) {
            assertEquals(value, truth[name as keyof typeof truth], `${name} at ${length}`);
          }
          assert(known.length >= before, `less was known at ${length} than before`);
          before = known.length;
          const counted = socket.stats.controlTruncated - controlTruncated;
          if (flag !== 0) assertEquals(counted, 1);
          else if (length === full) assertEquals(counted, 0);
        }
        assertEquals(before, Object.keys(truth).length, "all of it is known in the end");
      }
      figure("faults", `lengths at which control data was cut, ${family}`, cuts);
    },
  );

  test(
    `a packet without a destination is no member's, and is counted twice (${family})`,
    linux,
    async () => {
      const library = new FakeLibrary();
      const { MSG_CTRUNC } = library.system.platform.constants;
      await using sender = openUdpSocket({ address: from });
      await using socket = library.openSocket({ family });
      const packet = await told(library, socket, sender, at(socket, to), "x", (header) => {
        header.controlLength = 0;
        header.flags |= MSG_CTRUNC;
      });
      assertEquals(packet, null);
      const { controlTruncated, filtered, received, errors } = socket.stats;
      assertEquals({ controlTruncated, filtered, received, errors }, {
        controlTruncated: 1,
        filtered: 1,
        received: 1,
        errors: 0,
      });
    },
  );

  test(`a length that lies reaches past no packet (${family})`, linux, async () => {
    const library = new FakeLibrary();
    await using sender = openUdpSocket({ address: from });
    await using socket = library.openSocket({ family, maxDatagramSize: 1000 });
    const lengths = [0, 1, 2, 3, 4, 999, 1000, 1001, 65_535, 65_536, 65_537, 2 ** 31 - 1];
    for (const length of lengths) {
      const { truncated } = socket.stats;
      const packet = await told(library, socket, sender, at(socket, to), "abc", (header) => {
        header.length = length;
      });
      assert(packet !== null);
      assertEquals(packet.data.length, Math.min(length, 1000));
      assertEquals(text(packet).slice(0, 3), "abc".slice(0, length));
      assertEquals(packet.truncated, length > 1000);
      assertEquals(socket.stats.truncated - truncated, length > 1000 ? 1 : 0);
    }
    figure("faults", `lengths that lied, ${family}`, lengths.length, { exact: true });
  });

  test(`a sender's length that lies makes up no sender (${family})`, linux, async () => {
    const library = new FakeLibrary();
    await using sender = openUdpSocket({ address: from });
    const errors: Error[] = [];
    await using socket = library.openSocket({ family, onError: (error) => errors.push(error) });
    const { sockaddr_in, sockaddr_in6 } = library.system.platform.layouts;
    const { size } = family === "IPv4" ? sockaddr_in : sockaddr_in6;
    let lost = 0;
    for (const length of [...Array(size + 1).keys(), size + 1, 128, 2 ** 31, 2 ** 32 - 1]) {
      const packet = await told(library, socket, sender, at(socket, to), "x", (header) => {
        header.nameLength = length;
      });
      if (packet) assertEquals(`${packet.source}`, `${sender.localAddresses[0]}`);
      else lost++;
      if (length >= size) assert(packet !== null, `${length}`);
      assertEquals(socket.stats.errors, lost, "none is lost without a trace");
    }
    assert(lost > 0);
    for (const error of errors) {
      assert(error instanceof SocketError);
      assertEquals([error.code, error.syscall], ["EAFNOSUPPORT", "recvmsg"]);
    }
  });

  test(`more control data than there is room for is not looked at (${family})`, linux, async () => {
    const library = new FakeLibrary();
    await using sender = openUdpSocket({ address: from });
    await using socket = library.openSocket({ family, deliver: "all" });
    for (const length of [1000, 65_536, 2 ** 31, 2 ** 32 - 1]) {
      const packet = await told(library, socket, sender, at(socket, to), "x", (header) => {
        header.controlLength = length;
      });
      assert(packet !== null);
      assertEquals([text(packet), packet.interfaceIndex], ["x", lo.index]);
    }
  });
}

test("MSG_TRUNC without a longer datagram is believed: the packet is marked", linux, async () => {
  const library = new FakeLibrary();
  await using sender = openUdpSocket({ address: "127.0.0.2" });
  await using socket = library.openSocket({ family: "IPv4" });
  const packet = await told(library, socket, sender, at(socket, "127.0.0.3"), "x", (header) => {
    header.flags |= library.system.platform.constants.MSG_TRUNC;
  });
  assertEquals([packet?.truncated, text(packet!), socket.stats.truncated], [true, "x", 1]);
});

/** What a packet tells, `null` where it does not. */
function facts(packet: Packet) {
  const { destination, interfaceIndex, interfaceName, cast, hops, trafficClass, timestamp } =
    packet;
  const nowhere = destination.address === "0.0.0.0" || destination.address === "::";
  return {
    destination: nowhere ? null : destination.address,
    interfaceIndex,
    interfaceName,
    cast,
    hops,
    trafficClass,
    timestamp: timestamp === null ? null : true,
  };
}

const batched = new FakeLibrary().system.platform.batchedCalls;
const many: TestOptions = {
  ...linux,
  skip: linux.skip || (!batched && "this system, or this run, makes a call for each message"),
};

/** Makes a call for fewer messages than it was to be: those left out stay where they are. */
function short(args: Arguments, most: number, call: () => number): number {
  args[2] = Math.min(args[2], most);
  return call();
}

const numbered = (count: number, to: string) =>
  Array.from({ length: count }, (_, i) => ({ data: `${i}`, to }));

test("recvmmsg that brings fewer than there are loses none", many, async () => {
  await using sender = openUdpSocket();
  for (const most of [1, 2, 3, 31]) {
    const library = new FakeLibrary();
    await using socket = library.openSocket({ family: "IPv4" });
    library.on("recvmmsg", (args, call) => short(args, most, call));
    const items = numbered(100, at(socket, "127.0.0.3"));
    await sender.sendMany(items);
    assertEquals(await nextTexts(socket, 100), items.map(({ data }) => data));
  }
});

test("recvmmsg that claims more than it was asked for brings what there is", many, async () => {
  const library = new FakeLibrary();
  await using sender = openUdpSocket();
  await using socket = library.openSocket({ family: "IPv4" });
  let claims = 0;
  library.on("recvmmsg", (args, call) => {
    const count = call();
    return count === args[2] && claims++ === 0 ? count + 5 : count;
  });
  const items = numbered(70, at(socket, "127.0.0.3"));
  await sender.sendMany(items);
  assertEquals(await nextTexts(socket, 70), items.map(({ data }) => data));
  assert(claims > 0);
});

test(
  "sendmmsg that takes fewer, none or claims more: each arrives once, in order",
  many,
  async () => {
    await using receiver = openUdpSocket({ receiveBufferSize: 1 << 20 });
    for (const taken of [0, 1, 2, 7, 63]) {
      const library = new FakeLibrary();
      await using socket = library.openSocket({ family: "IPv4" });
      library.on("sendmmsg", (args, call) => taken === 0 ? 0 : short(args, taken, call));
      const items = numbered(100, at(receiver, "127.0.0.3"));
      assertEquals(await socket.sendMany(items), 100);
      assertEquals(socket.stats.sent, 100);
      assertEquals(await nextTexts(receiver, 100), items.map(({ data }) => data));
    }
    const library = new FakeLibrary();
    await using socket = library.openSocket({ family: "IPv4" });
    library.on("sendmmsg", (_, call) => call() + 1);
    const items = numbered(100, at(receiver, "127.0.0.3"));
    assertEquals(await socket.sendMany(items), 100);
    assertEquals(await nextTexts(receiver, 100), items.map(({ data }) => data));
  },
);
