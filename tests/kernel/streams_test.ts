// The packets as a web stream.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openUdpSocket, type Packet } from "../../mod.ts";
import { test, within } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, nextTexts, text, turn } from "./support.ts";

test("a stream reads the packets and ends with the socket", async () => {
  const socket = openUdpSocket();
  const texts: string[] = [];
  const reading = (async () => {
    for await (const packet of socket.readable) {
      texts.push(text(packet));
      if (texts.length === 3) void socket.close();
    }
  })();
  for (const data of ["1", "2", "3"]) await socket.send(data, at(socket, "127.0.0.3"));
  await within(5_000, reading, "the end of the stream");
  assertEquals(texts, ["1", "2", "3"]);
});

test("a stream that is not read reads nothing", async () => {
  const library = new FakeLibrary();
  await using socket = library.openSocket();
  const { readable } = socket;
  await socket.send("kept", at(socket, "127.0.0.3"));
  await turn();
  assertEquals(library.count("recvmmsg", "recvmsg"), 0);
  assertEquals(await nextTexts(socket, 1), ["kept"]);
  await readable.cancel();
});

test("cancelling a stream leaves the socket open and takes no packet", async () => {
  await using socket = openUdpSocket();
  const reader = socket.readable.getReader();
  const read = reader.read();
  await turn();
  await reader.cancel("enough");
  assertEquals((await read).done, true);
  await socket.send("next", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["next"]);
});

test("each access makes a stream of its own; they share the packets", async () => {
  await using socket = openUdpSocket();
  const readers = [socket.readable.getReader(), socket.readable.getReader()];
  const reads = readers.map((reader) => reader.read());
  await socket.sendMany(["1", "2"].map((data) => ({ data, to: at(socket, "127.0.0.3") })));
  const values = await within(5_000, Promise.all(reads), "both");
  assertEquals(values.map(({ value }) => text(value!)).sort(), ["1", "2"]);
});

test("a stream can be piped", async () => {
  const socket = openUdpSocket();
  const texts: string[] = [];
  const piping = socket.readable
    .pipeThrough(
      new TransformStream<Packet, string>({
        transform: (packet, controller) => controller.enqueue(`${packet.destination.address}`),
      }),
    )
    .pipeTo(
      new WritableStream({
        write(address) {
          texts.push(address);
          if (texts.length === 2) void socket.close();
        },
      }),
    );
  await socket.send("x", at(socket, "127.0.0.3"));
  await socket.send("x", at(socket, "127.0.0.4"));
  await within(5_000, piping, "the end of the pipe");
  assertEquals(texts, ["127.0.0.3", "127.0.0.4"]);
});

test("piping can be aborted; the socket stays open", async () => {
  await using socket = openUdpSocket();
  const controller = new AbortController();
  const piping = socket.readable.pipeTo(new WritableStream(), { signal: controller.signal });
  await turn();
  controller.abort(new Error("enough"));
  await assertRejects(() => piping, Error, "enough");
  await socket.send("next", at(socket, "127.0.0.3"));
  assertEquals(await nextTexts(socket, 1), ["next"]);
});

test("a wrong signal is noticed at once", async () => {
  await using socket = openUdpSocket();
  // @ts-expect-error: no signal
  assertThrows(() => socket.packets({ signal: {} }), TypeError, "AbortSignal");
});
