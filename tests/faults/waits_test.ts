// The waits that fail, end for nothing or tell of what is long closed: no packet is lost, and no processor kept busy.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { at, next, text, turn, until } from "../kernel/support.ts";
import { Pauses } from "./pauses.ts";

const { platform: { epoll }, runtime: { watch } } = new FakeLibrary().system;

const options: TestOptions = {
  needs: ["linux", "ipv6"],
  skip: watch !== null && "the event loop waits on this runtime: see poller_watch.ts",
};

/** Has the waits end otherwise; `wait` waits as always. */
function onWaits(library: FakeLibrary, hook: (wait: () => Promise<number>) => Promise<number>) {
  const real = library.callBlocking.bind(library);
  library.callBlocking = (name, args, hold) => {
    // What is told is left as it was: of earlier waits.
    library.blocking.push(name);
    return hook(() => real(name, args, hold));
  };
}

test("waits that fail now and then lose no packet, and keep nobody waiting", options, async () => {
  const library = new FakeLibrary();
  await using sender = openUdpSocket();
  await using socket = library.openSocket();
  let waits = 0;
  onWaits(library, (wait) => waits++ % 3 !== 2 ? Promise.resolve(-1) : wait());
  for (let number = 0; number < 20; number++) {
    const packet = next(socket);
    await turn();
    await sender.send(`${number}`, at(socket, number % 2 === 0 ? "127.0.0.3" : "::1"));
    assertEquals(text(await packet), `${number}`);
  }
  assert(waits > 20);
});

test(
  "waits that always fail: the socket looks now and then, and rests in between",
  options,
  async () => {
    const library = new FakeLibrary();
    await using sender = openUdpSocket();
    await using socket = library.openSocket();
    using pauses = new Pauses();
    let broken = true;
    onWaits(library, (wait) => broken ? Promise.resolve(-1) : wait());
    const packet = next(socket);
    await until(() => pauses.count > 0, "a rest");
    await sender.send("late", at(socket, "127.0.0.3"));
    const before = library.blocking.length;
    for (let turns = 0; turns < 5; turns++) await turn();
    assertEquals(library.blocking.length, before, "it does not rest");
    pauses.end();
    assertEquals(text(await packet), "late");
    const another = next(socket);
    await until(() => pauses.count > 0, "another rest");
    broken = false;
    pauses.end();
    await sender.send("again", at(socket, "::1"));
    assertEquals(text(await another), "again");
  },
);

test(
  "waits that end for nothing, again and again, are not begun again without a rest",
  options,
  async () => {
    const library = new FakeLibrary();
    await using sender = openUdpSocket();
    await using socket = library.openSocket();
    // It has received, so what a wait told last is that it is ready.
    const first = next(socket);
    for (let turns = 0; turns < 3; turns++) await turn();
    await sender.send("first", at(socket, "127.0.0.3"));
    assertEquals(text(await first), "first");
    using pauses = new Pauses();
    let lies = 0;
    let lying = true;
    onWaits(library, (wait) => lying ? (lies++, Promise.resolve(1)) : wait());
    const packet = next(socket);
    await until(() => pauses.count > 0, "a rest");
    assert(lies < 100, `${lies} waits that ended for nothing`);
    const { length } = library.calls;
    for (let turns = 0; turns < 5; turns++) await turn();
    assert(library.calls.length - length < 5, "it does not rest");
    lying = false;
    pauses.end();
    await sender.send("second", at(socket, "127.0.0.3"));
    assertEquals(text(await packet), "second");
  },
);

test("an event of a socket that was closed long ago finds nobody", {
  ...options,
  skip: options.skip || (epoll === null && "poll(2) tells of what it was asked for only"),
}, async () => {
  const library = new FakeLibrary();
  await using sender = openUdpSocket();
  const closed = library.openSocket({ family: "IPv4" });
  await using socket = library.openSocket({ family: "IPv4" });
  const first = next(closed);
  for (let turns = 0; turns < 3; turns++) await turn();
  await sender.send("first", at(closed, "127.0.0.3"));
  assertEquals(text(await first), "first");
  await closed.close();
  let lies = 5;
  onWaits(library, (wait) => lies-- > 0 ? Promise.resolve(1) : wait());
  const packet = next(socket);
  await until(() => lies < 0, "five lies");
  const receives = library.count("recvmmsg", "recvmsg");
  await sender.send("second", at(socket, "127.0.0.3"));
  assertEquals(text(await packet), "second");
  assert(library.count("recvmmsg", "recvmsg") - receives <= 2);
  assertEquals(library.stray, []);
});
