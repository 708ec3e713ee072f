// busyPoll: a reader looks by itself for a while, before it lets itself be woken.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { at, next, text, turn, until } from "./support.ts";

/** A socket, and how often it has looked for packets. */
function looking(busyPoll: number) {
  const library = new FakeLibrary();
  const socket = library.openSocket({ address: "127.0.0.3", busyPoll });
  const looks = () => library.calls.filter((name) => /^recvm/.test(name)).length;
  return { library, socket, looks };
}

test("it looks again and again, and lets others have their turn", async () => {
  const { socket, looks } = looking(1_000_000);
  const packet = next(socket);
  let turns = 0;
  await until(() => ++turns > 0 && looks() > 20, "many looks");
  assert(turns > 1, "timers fire in between");
  await using sender = openUdpSocket();
  await sender.send("found", at(socket, "127.0.0.3"));
  assertEquals(text(await packet), "found");
  await socket.close();
});

test("after the time it sleeps, and is woken like any other", async () => {
  const { library, socket, looks } = looking(5_000);
  const packet = next(socket);
  const start = performance.now();
  // It may have looked once more in the turn in which the time was over.
  await until(() => performance.now() > start + 20, "the end of the time");
  const before = looks();
  assert(before > 1);
  for (let i = 0; i < 20; i++) await turn();
  assertEquals(looks(), before, "it still looks");
  await using sender = openUdpSocket();
  await sender.send("woken", at(socket, "127.0.0.3"));
  assertEquals(text(await packet), "woken");
  await socket.close();
  assertEquals([library.open.size, library.stray], [0, []]);
});

test("who waits for nothing does not look", async () => {
  const { socket, looks } = looking(1_000_000);
  const before = looks();
  for (let i = 0; i < 20; i++) await turn();
  assertEquals(looks(), before);
  await socket.close();
});

test("closing or aborting ends it at once", async () => {
  const { socket, looks } = looking(1_000_000);
  const controller = new AbortController();
  const aborted = socket.receive({ signal: controller.signal }).catch((error) => error.name);
  await until(() => looks() > 5, "some looks");
  controller.abort();
  assertEquals(await aborted, "AbortError");
  const before = looks();
  for (let i = 0; i < 5; i++) await turn();
  assert(looks() <= before + 1, "it looks for nobody");
  const closed = socket.receive().catch((error) => error.code);
  await turn();
  await socket.close();
  assertEquals(await closed, "ECANCELED");
});
