// Peers: what belongs to none, and refusals that name theirs.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { test } from "../harness.ts";
import { FakeLibrary } from "./fake_library.ts";
import { lo } from "./support.ts";

test("a peer has no hops and, unless it is link-local, no interface", async () => {
  await using socket = openUdpSocket({ family: "IPv4" });
  for (const to of [`127.0.0.1:9@${lo.name}`, "127.0.0.1:9,3"]) {
    assertThrows(() => socket.connect(to), TypeError, "hops and interface belong to a datagram");
  }
});

test("a refused peer is told with its zone", { needs: ["ipv6"] }, async () => {
  const library = new FakeLibrary();
  library.on("connect", () => library.refuse("ENETUNREACH"));
  await using socket = library.openSocket({ family: "IPv6" });
  for (
    const [to, address] of [["[::1]:9", "::1"], [`[fe80::9%${lo.name}]:9`, `fe80::9%${lo.index}`]]
  ) {
    const error = assertThrows(() => socket.connect(to), SocketError);
    assertEquals([error.code, error.syscall, error.address, error.port], [
      "ENETUNREACH",
      "connect",
      address,
      9,
    ]);
  }
});

test("a refusal on a connected socket names the peer", async () => {
  const library = new FakeLibrary();
  await using peer = openUdpSocket({ address: "127.0.0.3" });
  await using socket = library.openSocket({ family: "IPv4" });
  socket.connect(`127.0.0.3:${peer.port}`);
  library.on("sendto", () => library.refuse("EACCES"));
  const error = await assertRejects(() => socket.send("x"), SocketError);
  assertEquals([error.code, error.address, error.port], ["EACCES", "127.0.0.3", peer.port]);
});
