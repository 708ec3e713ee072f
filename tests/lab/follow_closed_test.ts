// A listener of a membership may close sockets: inside of a call that was told the news, or between two changes.
import { assertEquals, assertThrows } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { SocketError } from "../../mod.ts";
import { runtime, test, type TestOptions, within } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { turn } from "../kernel/support.ts";
import { openDescriptors } from "../programs/descriptors.ts";
import { watchDescriptors } from "../lifecycles/support.ts";
import { atOnce } from "./events.ts";
import { Lab } from "./lab.ts";

const needs: TestOptions = { needs: ["lab"] };

// The thread for waits that hold nothing has descriptors, and stays. Elsewhere than on Deno it is that of the others.
await system().library.callBlocking("poll", [0, 0, 0], runtime !== "deno");

const bridge = (
  name: string,
) => [`link add ${name} type bridge`, `link set ${name} multicast on up`];

/** What is open of the kinds that the library opens; a test runner opens files when it likes. */
const kinds = () =>
  openDescriptors().filter((what) => /^(?:socket|anon_inode):/.test(what))
    .map((what) => what.replace(/\d+/g, "…")).sort();

async function assertOver(library: FakeLibrary, before: string[]): Promise<void> {
  await turn();
  assertEquals(library.stray, []);
  assertEquals([...library.open], []);
  assertEquals(kinds(), before);
}

for (const whose of ["its own", "another"]) {
  test(
    `a join that hears of news first, and a listener of ${whose} socket's closes: it is no join`,
    needs,
    async () => {
      await using _lab = new Lab();
      const library = watchDescriptors(new FakeLibrary());
      const before = kinds();
      const socket = library.openSocket();
      const other = whose === "another" ? library.openSocket() : socket;
      const membership = other.join("239.1.2.3");
      membership.addEventListener("change", () => void socket.close());
      atOnce(bridge("fresh0"));
      const calls = library.calls.length;
      const error = assertThrows(() => socket.join("239.1.2.4"), SocketError);
      assertEquals(error.code, "EBADF");
      assertEquals(library.calls.slice(calls).includes("close"), true);
      await Promise.all([socket.close(), other.close()]);
      await assertOver(library, before);
    },
  );
}

test(
  "a listener that closes all sockets between two of many changes leaves none of them half-joined",
  needs,
  async () => {
    await using _lab = new Lab();
    const library = watchDescriptors(new FakeLibrary());
    const before = kinds();
    const sockets = [library.openSocket(), library.openSocket(), library.openSocket()];
    let closed: Promise<unknown> | undefined;
    const over = new Promise<void>((resolve) => {
      for (const socket of sockets) {
        for (const group of ["239.1.2.3", "ff15::1234"]) {
          socket.join(group).addEventListener("change", () => {
            closed ??= Promise.all(sockets.map((each) => each.close())).then(() => resolve());
          });
        }
      }
    });
    const waits = sockets.map((socket) => socket.receive().catch(({ code }) => code));
    atOnce(["fresh0", "fresh1", "fresh2"].flatMap(bridge));
    await within(10_000, over, "the end of all");
    assertEquals(await Promise.all(waits), sockets.map(() => "ECANCELED"));
    atOnce(["link del fresh0", "link del fresh1"]);
    await assertOver(library, before);
  },
);
